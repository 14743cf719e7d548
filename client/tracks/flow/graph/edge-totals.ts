import { apiClasses, type FlowProtocol, type ObservedFlow, statusClasses } from '../../../events/flow-record.ts';

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
  'requests',
  'responses',
  'exchanges',
  'refused',
  ...apiClasses.map((name) => `api:${name}` as const),
  ...statusClasses.map((name) => `status:${name}` as const),
  'measured', // Flows that came with amounts.
  'bytesOut',
  'bytesIn',
  'packetsOut',
  'packetsIn',
  'durationUs',
  'audited', // A policy would have refused it, if it were enforced.
  'redirected', // By way of a proxy.
] as const;

export type Counter = (typeof names)[number];
export const counterCount = names.length;
export const counterAt = Object.fromEntries(names.map((name, at) => [name, at])) as Readonly<Record<Counter, number>>;

const sides = { client: 0, server: 1, unknown: 2 } as const;
const phases = { request: 'requests', response: 'responses', exchange: 'exchanges' } as const;
const apiAt = Object.fromEntries(apiClasses.map((name) => [name, counterAt[`api:${name}`]]));
const statusAt = Object.fromEntries(statusClasses.map((name) => [name, counterAt[`status:${name}`]]));

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

/** Adds one flow to the row of counters that begins at `start`. */
export function countFlow(rows: Float64Array, start: number, flow: ObservedFlow, isReply: boolean): void {
  const { count, l7, volume, verdict, verdictReason } = flow;
  const add = (at: number, amount: number) => {
    rows[start + at] = (rows[start + at] as number) + amount;
  };
  if (l7 === undefined) {
    add((isReply ? counterAt.repliedAtClient : counterAt.askedAtClient) + sides[flow.seenAt], count);
  } else {
    add(counterAt[phases[l7.phase]], count);
    add(apiAt[l7.apiClass] as number, count);
    add(statusAt[l7.status] as number, count);
  }
  if (verdict === 'dropped' || verdict === 'error') add(counterAt.refused, count);
  if (verdict === 'audit') add(counterAt.audited, count);
  if (verdictReason === 'REDIRECTED') add(counterAt.redirected, count);
  if (volume === undefined) return;
  add(counterAt.measured, count);
  add(counterAt.bytesOut, Math.round(isReply ? volume.bytesIn : volume.bytesOut));
  add(counterAt.bytesIn, Math.round(isReply ? volume.bytesOut : volume.bytesIn));
  add(counterAt.packetsOut, Math.round(isReply ? volume.packetsIn : volume.packetsOut));
  add(counterAt.packetsIn, Math.round(isReply ? volume.packetsOut : volume.packetsIn));
  add(counterAt.durationUs, Math.round(volume.durationMs * 1_000));
}

/** Everything that was seen of an edge: a flow seen at both ends counts twice here. */
export function sightingsOf(counters: Float64Array): number {
  let sum = 0;
  for (let at = counterAt.askedAtClient; at <= counterAt.exchanges; at++) sum += counters[at] as number;
  return sum;
}

/** Flows of an edge. A packet seen at both ends is one flow, and so are a question and its reply. */
export function flowsOf(counters: Float64Array): number {
  const at = (name: Counter) => counters[counterAt[name]] as number;
  const atEnds = Math.max(at('askedAtClient'), at('askedAtServer'), at('repliedAtClient'), at('repliedAtServer'));
  const elsewhere = Math.max(at('askedSomewhere'), at('repliedSomewhere'));
  // A source of calls alone says nothing of the connections that carried them.
  return atEnds + elsewhere || callsOf(counters);
}

/** Calls of the seventh layer. */
export function callsOf(counters: Float64Array): number {
  const at = (name: Counter) => counters[counterAt[name]] as number;
  return Math.max(at('requests'), at('responses')) + at('exchanges');
}
