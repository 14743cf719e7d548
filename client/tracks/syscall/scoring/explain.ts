/**
 * Why a trace scored as it did: its least expected calls, its least normal window, how much each call of that window adds to
 * the window's score against a background of normal windows, and the normal window that comes nearest.
 *
 * The attributions are Shapley values (Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS
 * 2017), estimated over random orders: a call's part is what the score rises by when it takes the place of the background's
 * call. They sum to the window's score less the mean score of the background windows drawn.
 */
import { randomOrder, seededRandom } from '../../../../base/random.ts';
import { nameOfCallId } from '../../../events/vocabulary.ts';
import { copyWindow, windowKey, windowStarts } from '../traces/call-windows.ts';
import { powerMean } from './trace-score.ts';

const explanationWindow = 20;

export type CallAttribution = Readonly<{
  /** Position in the trace. */
  position: number;
  name: string;
  /** Surprisal in the trace, nats. */
  nats: number;
  /** Share in the window's score, nats; negative where the call makes it more normal. */
  attribution: number;
}>;

export type TraceExplanation = Readonly<{
  /** The five least expected calls of the whole trace, most surprising first. */
  calls: readonly Readonly<{ position: number; name: string; nats: number }>[];
  window: Readonly<{
    start: number;
    score: number;
    /** Mean score of the background windows: what the attributions start from. */
    background: number;
    calls: readonly CallAttribution[];
  }>;
  /** The normal window with the fewest differing calls; undefined without a background. */
  nearest: Readonly<{ calls: readonly string[]; differing: readonly number[] }> | undefined;
}>;

/** Surprisal of each call of a trace of the same workload, nats. */
export type SurprisalOf = (calls: Uint16Array) => Float32Array;

export type ExplainOptions = Readonly<{ seed?: number; orders?: number }>;

/** The distinct windows of normal traces, as a background for explanations. */
export function normalWindows(traces: Iterable<Uint16Array>, countMax = 2_000): Uint16Array[] {
  const known = new Map<string, Uint16Array>();
  for (const calls of traces) {
    for (const start of windowStarts(calls.length, { length: explanationWindow, stride: explanationWindow / 2 })) {
      if (known.size >= countMax) return [...known.values()];
      const key = windowKey(calls, start, explanationWindow);
      if (!known.has(key)) known.set(key, windowAt(calls, start));
    }
  }
  return [...known.values()];
}

/** Explains a trace of at least one call; the same inputs give the same explanation. Throws on an empty trace. */
export function explainTrace(
  calls: Uint16Array,
  surprisalOf: SurprisalOf,
  background: readonly Uint16Array[],
  { seed = 1, orders = 32 }: ExplainOptions = {},
): TraceExplanation {
  if (calls.length === 0) throw new RangeError('explain: a trace without calls has nothing to explain');
  const surprisal = surprisalOf(calls);
  const start = leastNormal(calls, surprisal);
  const window = calls.slice(start, start + explanationWindow);
  // Windows are judged by themselves, here and in the background: what stood before them is not theirs.
  const scoreOf = (some: Uint16Array) => powerMean(surprisalOf(some), 3);
  const { attributions, base } = shapley(window, scoreOf, background, orders, seed);
  const ranked = [...surprisal.keys()].sort((a, b) => (surprisal[b] as number) - (surprisal[a] as number));
  const described = (position: number) => ({
    position,
    name: nameOfCallId(calls[position] as number),
    nats: surprisal[position] as number,
  });
  return {
    calls: ranked.slice(0, 5).map(described),
    window: {
      start,
      score: scoreOf(window),
      background: base,
      calls: Array.from(window, (_, place) => ({
        ...described(start + place),
        attribution: attributions[place] as number,
      })),
    },
    nearest: nearestWindow(window, background),
  };
}

/** An explanation for people. */
export function explanationText({ calls, window, nearest }: TraceExplanation): string {
  const carrying = [...window.calls].sort((a, b) => b.attribution - a.attribution).slice(0, 5);
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`;
  return [
    `least expected calls: ${calls.map(({ name, position, nats }) => `${name} at ${position} (${nats.toFixed(1)} nats)`).join(', ')}`,
    `least normal window: calls ${window.start} to ${window.start + window.calls.length - 1}, score ${window.score.toFixed(2)} where normal windows have ${window.background.toFixed(2)}`,
    `carried by: ${carrying.map(({ name, position, attribution }) => `${name} at ${position} ${signed(attribution)}`).join(', ')}`,
    nearest === undefined
      ? 'no normal window to compare with'
      : `nearest normal window (${nearest.differing.length} calls differ): ${nearest.calls.join(' ')}`,
  ].join('\n');
}

function leastNormal(calls: Uint16Array, surprisal: Float32Array): number {
  let [worst, highest] = [0, Number.NEGATIVE_INFINITY];
  for (const start of windowStarts(calls.length, { length: explanationWindow, stride: explanationWindow / 2 })) {
    const score = powerMean(surprisal.subarray(start, start + explanationWindow), 3);
    if (score > highest) [worst, highest] = [start, score];
  }
  return worst;
}

function shapley(
  window: Uint16Array,
  scoreOf: (window: Uint16Array) => number,
  background: readonly Uint16Array[],
  orders: number,
  seed: number,
): { attributions: Float64Array; base: number } {
  const attributions = new Float64Array(window.length);
  if (background.length === 0) return { attributions, base: 0 };
  const random = seededRandom(seed);
  let base = 0;
  for (let draw = 0; draw < orders; draw++) {
    const drawn = background[Math.floor(random() * background.length)] as Uint16Array;
    const mixed = drawn.slice(0, window.length);
    let before = scoreOf(mixed);
    base += before / orders;
    for (const place of randomOrder(window.length, random)) {
      mixed[place] = window[place] as number;
      const after = scoreOf(mixed);
      attributions[place] = (attributions[place] as number) + (after - before) / orders;
      before = after;
    }
  }
  return { attributions, base };
}

function nearestWindow(window: Uint16Array, background: readonly Uint16Array[]): TraceExplanation['nearest'] {
  let nearest: Uint16Array | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const other of background) {
    let differing = 0;
    for (let place = 0; place < window.length && differing < fewest; place++) {
      if (window[place] !== other[place]) differing++;
    }
    if (differing < fewest) [nearest, fewest] = [other, differing];
  }
  if (nearest === undefined) return undefined;
  const found = nearest;
  return {
    calls: Array.from(found.subarray(0, window.length), nameOfCallId),
    differing: [...window.keys()].filter((place) => window[place] !== found[place]),
  };
}

function windowAt(calls: Uint16Array, start: number): Uint16Array {
  const window = new Uint16Array(explanationWindow);
  copyWindow(calls, start, explanationWindow, window, 0);
  return window;
}
