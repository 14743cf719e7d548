import { endKey, type FlowEnd } from './flow-record.ts';
import { isWellKnown } from './port-class.ts';

/**
 * What is counted of a workload by the minute. `processes`: begun. `traces alike`: of one shape, such as failed logins.
 * `sessions alike`: connections to it of one shape. `new peers`: ends that it had not spoken to lately. `bytes out`: whoever asked for
 * them. `new templates`: routes that it had not asked for lately. `refusals`: calls to it that it answered with a client's error.
 */
export const measures = [
  'processes',
  'traces alike',
  'sessions alike',
  'new peers',
  'bytes out',
  'new templates',
  'refusals',
] as const;
export type Measure = (typeof measures)[number];

/** One thing that counts. */
export type RateFact = Readonly<{
  /** See `workloadKey`. */
  workload: string;
  measure: Measure;
  /** Of `… alike`: which shape; else empty. */
  shape: string;
  /** Of `sessions alike` and `refusals`: who asked. Empty where that is not told apart. */
  peer: string;
  /** How much it adds; of `new …` it is `key` that counts, once, and only where it was not seen lately. */
  amount: number;
  key?: string;
}>;

/** One rate of a workload, as unusual as it is. */
export type Unusual = Readonly<{
  workload: string;
  measure: Measure;
  shape: string;
  /** Who asked, where that is told apart. */
  peer: string;
  /** In the latest interval, and what is usual in one. */
  count: number;
  median: number;
  high: number;
  /** Whole intervals that say so. */
  intervals: number;
  p: number;
}>;

/** Which rates of a workload are asked for: of one peer, or those to which a key is news, where that is said. */
export type RateQuery = Readonly<{
  workload: string;
  measures: readonly Measure[];
  peer?: string;
  key?: string;
}>;

/** The workload that counts belong to, by the names that every source of it knows; its class where it has none. */
export function workloadKey(of: Readonly<{ namespace: string; workload: string; workloadClass?: string }>): string {
  return `${of.namespace}/${of.workload || (of.workloadClass ?? '')}`;
}

/** What tells peers of a workload apart: who it is, and which port it serves. */
export function peerKey(server: FlowEnd, port: number): string {
  return `${endKey(server)} ${isWellKnown(port) ? port : ''}`;
}
