import { studentTail } from './student-tail.ts';

/** How counts or amounts of whole intervals are spread, robustly. */
export type Usual = Readonly<{
  scale: Scale;
  /** Of the transformed values. */
  middle: number;
  spread: number;
  /** Intervals that it rests on. */
  intervals: number;
  /** The middle value itself, and the one that nine of ten intervals stay below, for people. */
  median: number;
  high: number;
}>;

/** `count`: of things that happen; `amount`: of what they carry. */
export type Scale = 'count' | 'amount';

/** Median absolute deviations and tail quantiles of a normal distribution, in its standard deviations. */
const madOfNormal = 1.4826;
const upperShare = 0.95;
const upperOfNormal = 1.645;
/** Least spread of the transformed values: what is purely random has 1, and amounts within a factor of two are alike. */
const spreadMin: Readonly<Record<Scale, number>> = { count: 1, amount: Math.LN2 };
/** Beyond so many standard deviations an interval is not remembered as it was. */
const rememberedMax = 4;

/**
 * How whole intervals are spread: their median, and the greater of the deviation about it and of the upper tail, so that a
 * workload that works in bursts is not called unusual for the next one. Counts are transformed so that what is purely random
 * has spread 1 (Anscombe, Biometrika 35, 1948), amounts by their logarithm. Undefined for no intervals.
 */
export function usualOf(history: readonly number[], scale: Scale): Usual | undefined {
  if (history.length === 0) return undefined;
  const sorted = history.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  const middle = transformed(at(0.5), scale);
  const deviations = sorted.map((value) => Math.abs(transformed(value, scale) - middle)).sort((a, b) => a - b);
  const deviation = deviations[Math.floor(deviations.length / 2)] as number;
  const upper = (transformed(at(upperShare), scale) - middle) / upperOfNormal;
  // Few intervals say little of the middle either.
  const certainty = Math.sqrt(1 + 1 / sorted.length);
  const spread = Math.max(spreadMin[scale], madOfNormal * deviation, upper) * certainty;
  return { scale, middle, spread, intervals: sorted.length, median: at(0.5), high: at(0.9) };
}

/**
 * How likely one as high as this or higher is: by Student's distribution, since few intervals say little of the spread. By the normal
 * one, nine times as many flows of the recorded clusters' normal time ended in a minute rarer than one in a thousand as should.
 */
export function tailOf({ scale, middle, spread, intervals }: Usual, value: number): number {
  return studentTail((transformed(value, scale) - middle) / spread, Math.max(1, intervals - 1));
}

/** The value from which on an interval is not remembered as it was. */
export function levelOf({ scale, middle, spread }: Usual): number {
  const value = middle + rememberedMax * spread;
  return scale === 'count' ? (value / 2) ** 2 - 3 / 8 : Math.expm1(value);
}

function transformed(value: number, scale: Scale): number {
  return scale === 'count' ? 2 * Math.sqrt(value + 3 / 8) : Math.log1p(value);
}
