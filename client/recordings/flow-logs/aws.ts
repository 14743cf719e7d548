import { isReply } from '../../events/direction.ts';
import type { ObservedFlow } from '../../events/flow-record.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { amountOf, flowOfConnection, portOf, silent } from '../layouts/connection.ts';

/** Version 2, which a log without a header has. */
const defaultFields =
  'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'.split(
    ' ',
  );
/** More than any format has: a line of spaces alone is not taken apart to its end. */
const columnsMax = 256;
/** CloudWatch puts the time before what it exports. */
const exportedAt = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z /;
const [syn, ack] = [2, 16];

/** Whether a line can be the first of a VPC flow log: a header, or a record of version 2. */
export function looksLikeAws(line: string): boolean {
  const words = wordsOf(line);
  return (
    isHeader(words) || (words.length === defaultFields.length && /^\d+$/.test(words[0] ?? '') && isStatus(words.at(-1)))
  );
}

function wordsOf(line: string): string[] {
  return line.trim().replace(exportedAt, '').split(' ', columnsMax);
}

function isHeader(words: readonly string[]): boolean {
  return (
    ['srcaddr', 'pkt-srcaddr', 'dstaddr', 'start', 'log-status'].filter((name) => words.includes(name)).length >= 2
  );
}

function isStatus(word: string | undefined): boolean {
  return word === 'OK' || word === 'NODATA' || word === 'SKIPDATA';
}

/** AWS VPC (and transit gateway) flow logs: the default format, and others by the header that files in S3 begin with. */
export class AwsFlowLog {
  #columns = columnsOf(defaultFields);

  /** undefined: a header. */
  read(text: string, addresses: AddressBook): ObservedFlow | SkipReason | undefined {
    const words = wordsOf(text);
    if (isHeader(words)) {
      this.#columns = columnsOf(words);
      return undefined;
    }
    if (words.length !== this.#columns.size) return 'WRONG_FIELD_COUNT';
    const said = (name: string) => {
      const word = words[this.#columns.get(name) ?? -1] ?? '-';
      return word === '-' ? '' : word;
    };
    const status = said('log-status');
    if (status === 'NODATA') return 'NO_DATA';
    if (status === 'SKIPDATA') return 'SENSOR_SKIPPED';
    return flowOf(said, addresses);
  }
}

function columnsOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, column) => [name.replace(/^\$\{|\}$/g, ''), column]));
}

/** One direction of a connection, for up to ten minutes of it. */
function flowOf(said: (name: string) => string, addresses: AddressBook): ObservedFlow | SkipReason {
  const refused = said('action') === 'REJECT';
  const flow = flowOfConnection(
    {
      ...silent,
      // Whose packets they were, where a gateway or a node of Kubernetes stands between.
      source: said('pkt-srcaddr') || said('srcaddr'),
      destination: said('pkt-dstaddr') || said('dstaddr'),
      sourcePort: portOf(said('srcport')),
      destinationPort: portOf(said('dstport')),
      protocol: said('protocol'),
      startMs: amountOf(said('start')) * 1_000,
      endMs: amountOf(said('end')) * 1_000,
      bytesOut: amountOf(said('bytes')),
      packetsOut: amountOf(said('packets')),
      verdict: refused ? 'dropped' : 'forwarded',
      verdictReason: refused ? said('reject-reason') || 'REJECT' : '',
      isReply: replyByFlags(amountOf(said('tcp-flags'))),
    },
    addresses,
  );
  if (typeof flow === 'string') return flow;
  return { ...flow, seenAt: sideOf(flow, said('flow-direction')) };
}

/** Flags of all the packets together: who sends a SYN alone asks, who sends it with an ACK answers. */
function replyByFlags(flags: number): boolean | undefined {
  if (Number.isNaN(flags) || (flags & syn) === 0) return undefined;
  return (flags & ack) !== 0;
}

/** Egress of a reply is seen at the server, as ingress of a question is. */
function sideOf(flow: ObservedFlow, direction: string): ObservedFlow['seenAt'] {
  if (direction !== 'ingress' && direction !== 'egress') return 'unknown';
  return (direction === 'egress') === isReply(flow) ? 'server' : 'client';
}
