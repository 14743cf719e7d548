import type { RuleName } from './rules.ts';

/** A peer of krum.py, and how many times faster than it we have promised to be. */
export type Opponent = Readonly<{ peer: 'flower' | 'flower-legacy' | 'byzfl'; bar: number }>;

export type AggregationCase = Readonly<{
  rule: RuleName;
  n: number;
  f: number;
  d: number;
  opponents: readonly Opponent[];
  /** Calls of a peer in each pass, 3 unless they take tens of seconds. */
  peerCalls?: number;
  /** Peak memory beyond the inputs that we have promised to stay under, MiB. */
  extraMibMax?: number;
}>;

/** Issue 4's table. */
export const fullCases: readonly AggregationCase[] = [
  {
    ...{ rule: 'krum', n: 100, f: 20, d: 1_000_000 },
    opponents: [
      { peer: 'flower-legacy', bar: 6 },
      { peer: 'byzfl', bar: 2 },
      { peer: 'flower', bar: 1 },
    ],
  },
  {
    ...{ rule: 'krum', n: 500, f: 100, d: 300_000, peerCalls: 1 },
    opponents: [
      { peer: 'flower-legacy', bar: 30 },
      { peer: 'byzfl', bar: 5 },
    ],
  },
  { rule: 'nnm-krum', n: 40, f: 8, d: 1_000_000, opponents: [{ peer: 'byzfl', bar: 20 }], extraMibMax: 300 },
  {
    ...{ rule: 'median', n: 100, f: 20, d: 1_000_000 },
    opponents: [
      { peer: 'byzfl', bar: 2 },
      { peer: 'flower', bar: 2 },
    ],
  },
  {
    ...{ rule: 'trimmed-mean', n: 100, f: 20, d: 1_000_000 },
    opponents: [
      { peer: 'byzfl', bar: 2 },
      { peer: 'flower', bar: 2 },
    ],
  },
  { rule: 'bulyan', n: 50, f: 11, d: 300_000, opponents: [{ peer: 'flower', bar: 5 }] },
  { rule: 'geometric-median', n: 100, f: 20, d: 1_000_000, opponents: [{ peer: 'byzfl', bar: 2 }] },
];

/** The same rules in seconds, with the tests. The second Krum has enough rows for products in float32. */
export const smallCases: readonly AggregationCase[] = [
  { rule: 'krum', n: 12, f: 3, d: 3_000, opponents: [] },
  { rule: 'krum', n: 70, f: 14, d: 3_000, opponents: [] },
  { rule: 'nnm-krum', n: 12, f: 3, d: 3_000, opponents: [] },
  { rule: 'median', n: 12, f: 3, d: 3_000, opponents: [] },
  { rule: 'bulyan', n: 15, f: 3, d: 3_000, opponents: [] },
  { rule: 'geometric-median', n: 12, f: 3, d: 3_000, opponents: [] },
];

export const nameOf = ({ rule, n, f, d }: Omit<AggregationCase, 'opponents'>) => `${rule} n=${n} f=${f} d=${d}`;
