import type { FlowEnd, FlowProtocol, FlowVolume, ObservedFlow } from '../../events/flow-record.ts';
import { isRecordedTime } from '../../events/plausible-time.ts';
import type { SkipReason } from '../../events/source-item.ts';
import type { AddressBook } from '../address-book.ts';
import { type CsvHeader, numberAt, portAt, textAt } from './csv-row.ts';

export type CsvFlowOptions = Readonly<{
  addresses: AddressBook;
  /** Only rows of this cluster (recorded flows) or application (Nezha, microSecEnD), where a file holds several. */
  part?: string | undefined;
}>;

export type Row = ObservedFlow | SkipReason | undefined;
/** Reads the rows under one header; undefined: a row of another part. */
export type CsvReader = (fields: readonly string[]) => Row;

export type CsvLayout = Readonly<{
  /** Columns that tell the layout. */
  needs: readonly string[];
  open(header: CsvHeader, options: CsvFlowOptions): CsvReader;
}>;

export const world: FlowEnd = { kind: 'world', namespace: '', workload: '' };
export const unknown: FlowEnd = { kind: 'unknown', namespace: '', workload: '' };

const protocolNames: Readonly<Record<string, FlowProtocol>> = {
  tcp: 'tcp',
  udp: 'udp',
  icmp: 'icmp',
  'ipv6-icmp': 'icmp',
  icmp6: 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '1': 'icmp',
  '58': 'icmp',
};

export function protocolOf(text: string): FlowProtocol {
  return protocolNames[text.toLowerCase()] ?? 'other';
}

/** What rows do not say: a finished flow, seen once by nobody in particular. */
const plain = { node: '', id: '', isReply: false, seenAt: 'unknown', verdict: 'forwarded', count: 1 } as const;

/** A row's flow, or what is wrong with it. */
export function checked(
  said: Omit<ObservedFlow, keyof typeof plain> & Partial<ObservedFlow>,
): ObservedFlow | SkipReason {
  const flow = { ...plain, ...said };
  return faultOf(flow) ?? flow;
}

function faultOf({ sourcePort, destinationPort, atMs, endMs = atMs, volume, count }: ObservedFlow) {
  if (!isRecordedTime(atMs) || !isRecordedTime(endMs)) return 'BAD_TIME';
  if (!isPort(sourcePort) || !isPort(destinationPort) || !isAmount(count) || count < 1) return 'BAD_FIELD';
  if (volume !== undefined && !isVolume(volume)) return 'BAD_FIELD';
  return undefined;
}

/** When a flow ended that began at `atMs` and took so long; nothing where it took no time. */
export function endedAfter(atMs: number, durationMs: number): Pick<ObservedFlow, 'endMs'> {
  return durationMs > 0 ? { endMs: atMs + durationMs } : {};
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

function isVolume({ bytesOut, bytesIn, packetsOut, packetsIn, durationMs }: FlowVolume): boolean {
  return [bytesOut, bytesIn, packetsOut, packetsIn, durationMs].every(isAmount);
}

function isAmount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}

/** Columns of bytes and packets out and in, and of a duration in units of `unitMs`. */
export function volumes(header: CsvHeader, names: readonly string[], duration: number, unitMs: number) {
  const [bytesOut = -1, bytesIn = -1, packetsOut = -1, packetsIn = -1] = names.map((name) => header.column(name));
  return (fields: readonly string[]): FlowVolume => ({
    bytesOut: numberAt(fields, bytesOut),
    bytesIn: numberAt(fields, bytesIn),
    packetsOut: numberAt(fields, packetsOut),
    packetsIn: numberAt(fields, packetsIn),
    // CICFlowMeter subtracts clocks: an inverted flow has a negative duration.
    durationMs: Math.max(0, numberAt(fields, duration) * unitMs),
  });
}

type AddressColumns = Readonly<{ source: number; sourcePort: number; destination: number; destinationPort: number }>;

/** A flow between addresses. */
export function addressed(
  fields: readonly string[],
  { source, sourcePort, destination, destinationPort }: AddressColumns,
  addresses: AddressBook,
  rest: Pick<ObservedFlow, 'atMs' | 'protocol' | 'volume'> & Partial<ObservedFlow>,
): Row {
  const [from, to] = [textAt(fields, source), textAt(fields, destination)];
  if (from === '' || to === '') return 'MISSING_ENDPOINT';
  const [sourceEnd, destinationEnd] = [addresses.endOf(from), addresses.endOf(to)];
  if (sourceEnd === undefined || destinationEnd === undefined) return 'BAD_FIELD';
  const flow = {
    ...plain,
    source: sourceEnd,
    destination: destinationEnd,
    sourcePort: portAt(fields, sourcePort),
    destinationPort: portAt(fields, destinationPort),
    l7: undefined,
    ...endedAfter(rest.atMs, rest.volume?.durationMs ?? 0),
    ...rest,
  };
  return faultOf(flow) ?? flow;
}

/** Data sets have several words for what is not an attack. */
export function normalLabel(text: string): string {
  return /^(?:|-|0|benign|normal)$/i.test(text) ? 'normal' : text;
}
