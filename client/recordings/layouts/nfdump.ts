import { decimalOf } from '../../../base/text/number.ts';
import type { AddressBook } from '../address-book.ts';
import { amountOf, flowOfConnection, isoMs, portOf, silent } from './connection.ts';
import { type CsvHeader, numberAt, textAt } from './csv-row.ts';
import type { CsvFlowOptions, CsvLayout, CsvReader } from './layout.ts';

/**
 * NetFlow and IPFIX by `nfdump -o csv` (until 1.7.3: ts, te, td, sa, …), `-o csv:…` and `-o csv` since (firstSeen, duration,
 * proto, …) and `-o csv-fast` (times in milliseconds). Times are the local ones of the machine that ran it: UTC is taken.
 */
function nfdump(header: CsvHeader, { addresses }: CsvFlowOptions): CsvReader {
  const at = (...names: readonly string[]) => header.column(...names);
  const columns = {
    start: at('ts', 'firstSeen'),
    end: at('te', 'lastSeen'),
    duration: at('td', 'duration'),
    source: at('sa', 'srcAddr'),
    destination: at('da', 'dstAddr'),
    sourcePort: at('sp', 'srcPort'),
    destinationPort: at('dp', 'dstPort'),
    protocol: at('pr', 'proto'),
    forwarding: at('fwd', 'fwdStatus'),
    packets: at('ipkt', 'packets', 'inPackets'),
    bytes: at('ibyt', 'bytes', 'inBytes'),
    packetsBack: at('opkt', 'outPackets'),
    bytesBack: at('obyt', 'outBytes'),
    flows: at('fl', 'flows'),
  };
  return (fields) => rowOf(fields, columns, addresses);
}

function rowOf(fields: readonly string[], at: Readonly<Record<string, number>>, addresses: AddressBook) {
  const said = (name: string) => textAt(fields, at[name] ?? -1);
  const startMs = timeOf(said('start'));
  const endMs = said('end') === '' ? Number.NaN : timeOf(said('end'));
  const tookMs = durationMs(said('duration'));
  const dropped = wasDropped(numberAt(fields, at.forwarding ?? -1));
  const [bytesBack, packetsBack] = [amountOf(said('bytesBack')), amountOf(said('packetsBack'))];
  const flows = numberAt(fields, at.flows ?? -1);
  if (!Number.isInteger(flows) || flows < 0) return 'BAD_FIELD';
  return flowOfConnection(
    {
      ...silent,
      source: said('source'),
      destination: said('destination'),
      sourcePort: portOf(said('sourcePort')),
      // "3.1" is a type and a code of ICMP.
      destinationPort: portOf(said('destinationPort')),
      protocol: said('protocol'),
      startMs,
      // Whole seconds at both ends, thousandths between them.
      endMs: Number.isNaN(tookMs) ? endMs : Math.max(startMs + tookMs, Number.isNaN(endMs) ? 0 : endMs),
      bytesOut: amountOf(said('bytes')),
      packetsOut: amountOf(said('packets')),
      bytesIn: bytesBack,
      packetsIn: packetsBack,
      verdict: dropped ? 'dropped' : 'forwarded',
      verdictReason: dropped ? `FORWARDING_STATUS_${said('forwarding')}` : '',
      // Two directions in one (`-b`), or one by itself.
      isReply: bytesBack > 0 || packetsBack > 0 ? false : undefined,
      count: Math.max(1, flows),
    },
    addresses,
  );
}

/** "2024-06-28 23:17:41", with or without thousandths, seconds ("1687492697.088") or milliseconds since 1970. */
function timeOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  return /^\d+\.\d+$/.test(text) ? Number(text) * 1_000 : isoMs(text);
}

/** "3.000" seconds, "00:07:35.871" or "1d 02:00:00.000"; NaN where there is none. */
function durationMs(text: string): number {
  if (text === '') return Number.NaN;
  const clock = /^(?:(\d+)d )?(\d+):(\d{2}):(\d{2}(?:\.\d+)?)$/.exec(text);
  if (clock === null) return decimalOf(text) * 1_000;
  const [days = '0', hours, minutes, seconds] = clock.slice(1);
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
}

/** RFC 7270, 4.12: the two uppermost bits say what became of the packets, 2 that they were dropped. */
function wasDropped(status: number): boolean {
  return status >= 128 && status < 192;
}

export const nfdumpLayouts: readonly CsvLayout[] = [
  { needs: ['ts', 'te', 'sa', 'da', 'dp', 'ibyt'], open: nfdump },
  { needs: ['firstSeen', 'srcAddr', 'dstAddr', 'dstPort'], open: nfdump },
];
