import { isoTimeMs } from '../../../base/text/iso-time.ts';
import { decimalOf, jsonNumberOf } from '../../../base/text/number.ts';
import type { FlowEnd, ObservedFlow, Verdict } from '../../events/flow-record.ts';
import { isPlausibleTime } from '../../events/plausible-time.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { checked, protocolOf } from './layout.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What every flow log says of a connection, or of one direction of it. NaN and empty texts: it does not say. */
export type Connection = Readonly<{
  /** Addresses, or ends that the log names. */
  source: string | FlowEnd;
  destination: string | FlowEnd;
  sourcePort: number;
  destinationPort: number;
  /** By name or by its number. */
  protocol: string;
  startMs: number;
  /** NaN: when it began. */
  endMs: number;
  bytesOut: number;
  bytesIn: number;
  packetsOut: number;
  packetsIn: number;
  verdict: Verdict;
  /** In the log's own words; empty for nothing. */
  verdictReason: string;
  isReply: boolean | undefined;
  seenAt: ObservedFlow['seenAt'];
  node: string;
  id: string;
  count: number;
}>;

/** What most logs leave out. */
export const silent = {
  endMs: Number.NaN,
  bytesOut: Number.NaN,
  bytesIn: Number.NaN,
  packetsOut: Number.NaN,
  packetsIn: Number.NaN,
  verdict: 'forwarded',
  verdictReason: '',
  isReply: false,
  seenAt: 'unknown',
  node: '',
  id: '',
  count: 1,
} as const satisfies Partial<Connection>;

/** The flow of a connection, or what is wrong with it. Who meters nothing has no volume. */
export function flowOfConnection(connection: Connection, addresses: AddressBook): ObservedFlow | SkipReason {
  const { startMs, count, verdictReason, bytesOut, bytesIn, packetsOut, packetsIn, ...rest } = connection;
  if (rest.source === '' || rest.destination === '') return 'MISSING_ENDPOINT';
  const [source, destination] = [endOf(rest.source, addresses), endOf(rest.destination, addresses)];
  if (source === undefined || destination === undefined) return 'BAD_FIELD';
  const protocol = protocolOf(rest.protocol);
  const endMs = Number.isNaN(rest.endMs) ? startMs : rest.endMs;
  if (!isPlausibleTime(startMs) || !isPlausibleTime(endMs)) return 'BAD_TIME';
  const amounts = [bytesOut, bytesIn, packetsOut, packetsIn];
  const [out, back, outPackets, backPackets] = amounts.map((amount) => (Number.isNaN(amount) ? 0 : amount)) as [
    number,
    number,
    number,
    number,
  ];
  const volume = {
    bytesOut: out,
    bytesIn: back,
    packetsOut: outPackets,
    packetsIn: backPackets,
    durationMs: Math.max(0, endMs - startMs),
  };
  const flow = checked({
    atMs: startMs,
    ...(endMs > startMs && { endMs }),
    node: rest.node,
    id: rest.id,
    source,
    destination,
    // Types and codes of ICMP stand where others have ports.
    sourcePort: protocol === 'icmp' ? 0 : rest.sourcePort,
    destinationPort: protocol === 'icmp' ? 0 : rest.destinationPort,
    protocol,
    isReply: rest.isReply,
    seenAt: rest.seenAt,
    verdict: rest.verdict,
    ...(verdictReason !== '' && { verdictReason: verdictReason.slice(0, 64) }),
    l7: undefined,
    volume: amounts.every(Number.isNaN) ? undefined : volume,
  });
  // A later word on a connection that was counted when it began.
  return typeof flow === 'string' || count === 1 ? flow : { ...flow, count };
}

function endOf(end: string | FlowEnd, addresses: AddressBook): FlowEnd | undefined {
  return typeof end === 'string' ? addresses.endOf(end) : end;
}

/** A count or a port as text or number; NaN where there is none: absent, "-", "". Below all numbers where it is no number. */
export function amountOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '' || value === '-') return Number.NaN;
  const amount = decimalOf(value);
  return Number.isNaN(amount) ? Number.NEGATIVE_INFINITY : amount;
}

/** A port, 0 where there is none. Something that is no number stays NaN, which is refused. */
export function portOf(value: unknown): number {
  return value === undefined || value === null || value === '' || value === '-' ? 0 : jsonNumberOf(value);
}

/** ISO 8601 with a zone or, where it has none, in UTC. NaN where it is none. */
export function isoMs(text: string): number {
  return isoTimeMs(text, { zoneless: 'utc' });
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
