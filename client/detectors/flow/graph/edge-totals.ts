import { apiClasses, type FlowProtocol, statusClasses } from '../../../sources/flow/flow-record.ts';

/**
 * What is counted of an edge, as columns of one float64 row. Everything is a whole number, so that taking away an
 * interval that left the window gives exactly what counting the rest anew would.
 */
const names = [
  'askedAtClient',
  'askedAtServer',
  'askedSomewhere',
  'repliedAtClient',
  'repliedAtServer',
  'repliedSomewhere',
  'refused',
  'requests',
  'responses',
  'exchanges',
  ...apiClasses.map((name) => `api:${name}` as const),
  ...statusClasses.map((name) => `status:${name}` as const),
  'measured', // Flows that came with amounts.
  'bytesOut',
  'bytesIn',
  'packetsOut',
  'packetsIn',
  'durationUs',
] as const;

export type Counter = (typeof names)[number];
export const counterCount = names.length;
export const counterAt = Object.fromEntries(names.map((name, at) => [name, at])) as Readonly<Record<Counter, number>>;

/** An edge of the window with its totals. */
export type EdgeTotals = Readonly<{
  /** Rows of the node table. */
  client: number;
  server: number;
  protocol: FlowProtocol;
  port: number;
  /** Shape [counterCount]. */
  counters: Float64Array;
  /** Intervals of the window in which it was used. */
  activeIntervals: number;
  /** Distinct route templates, counted up to a bound. */
  routeCount: number;
}>;

/** Flows of an edge. A packet seen at both ends is one flow, and so are a question and its reply. */
export function flowsOf(counters: Float64Array, offset = 0): number {
  const at = (name: Counter) => counters[offset + counterAt[name]] as number;
  const atEnds = Math.max(at('askedAtClient'), at('askedAtServer'), at('repliedAtClient'), at('repliedAtServer'));
  const elsewhere = Math.max(at('askedSomewhere'), at('repliedSomewhere'));
  // A source of requests alone says nothing of the connections that carried them.
  return atEnds + elsewhere || callsOf(counters, offset);
}

/** Calls of the seventh layer. */
export function callsOf(counters: Float64Array, offset = 0): number {
  const at = (name: Counter) => counters[offset + counterAt[name]] as number;
  return Math.max(at('requests'), at('responses')) + at('exchanges');
}
