import type { Scalar, Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { seededRandom, shuffled } from '../../../../base/random.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { Parameters } from '../../neural/parameters.ts';
import type { SampleContent, SampleLoss } from '../../track-kind.ts';
import { predictionSurprisal } from '../language-model/language-model.ts';
import {
  type LanguageModelSizes,
  languageModelClasses,
  languageModelSizes,
  predictionKey,
  predictionSpan,
} from '../language-model/language-model-spec.ts';
import { traceExponent } from '../scoring/trace-score.ts';
import type { Example } from '../traces/example.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { batchOf, grouped, placesWithCalls, type Window } from './window-batches.ts';

/** Of a class so many traces of each kind are drawn, and of a trace so many windows, once: what one gradient costs stays bounded. */
const tracesMax = 16;
const windowsOfTraceMax = 8;
/** So many attacks on other classes stand beside a class's own: what was an attack elsewhere is normal work nowhere. */
const foreignMax = 10;
/** Windows that are in memory together. */
const windowsMax = 2048;
/**
 * States of cells over their calls: as many as the default network, of 48 cells and 25 calls a window, has in so many. A larger one holds
 * fewer windows at once, so that what a gradient takes beside its weights stays some 200 MiB.
 */
const statesMax = 2_457_600;
/** Draws them; the same for every coordinator and every replay. */
const seed = 1;

type DrawnTrace = Readonly<{ isAttack: boolean; windows: readonly Window[] }>;

/**
 * How badly a language model tells the sample's attacks from its normal traces, and the gradient, shape [d]: mean of
 * ln(1 + exp(normal − attack)) over the pairs of each class, mean over classes; scores are those of traces, the power means of
 * surprisals, of the windows drawn. Undefined where the sample holds no attack. Its cross-entropy is of normal work alone, so an
 * update that makes an attack look normal costs nothing there.
 */
export function attacksToldApart(spec: ModelSpec, content: SampleContent<Example>): SampleLoss['attacks'] {
  const sizes = languageModelSizes(spec);
  const classes = languageModelClasses(spec);
  const covered = content.classes.flatMap(({ name, normalCount }) => (normalCount > 0 ? [name] : []));
  if (covered.length === 0 || content.attacks.length === 0) return undefined;
  let made: ReturnType<typeof pairLossOf>[] | undefined;
  const parts = () => {
    const drawn = covered.map((name, at) => drawnOf(name, content, { classes, sizes, seed: seed + at }));
    const windowsIn = (some: readonly DrawnTrace[]) => some.reduce((sum, { windows }) => sum + windows.length, 0);
    return grouped(drawn, windowsIn, windowsTogether(sizes)).map((some) => pairLossOf(some, sizes));
  };
  return async (weights) => {
    made ??= parts(); // Not before a rule asks: most never do.
    const at = new FlatTrainer(spec, weights);
    try {
      // Unclipped: no gradient is as long as that.
      const { sum, loss } = at.clippedSum(made, 1e30);
      return { loss: (loss * made.length) / covered.length, gradient: sum.map((value) => value / covered.length) };
    } finally {
      at.close();
    }
  };
}

/** At least one; those of a class stay together, however many they are. */
export function windowsTogether(sizes: LanguageModelSizes): number {
  return Math.max(1, Math.min(windowsMax, Math.floor(statesMax / (predictionSpan(sizes) * sizes.hidden))));
}

/** A class's normal traces, and attacks as if all had been tried on it. */
function drawnOf(
  name: string,
  { normal, attacks }: SampleContent<Example>,
  { classes, sizes, seed }: Readonly<{ classes: WorkloadClasses; sizes: LanguageModelSizes; seed: number }>,
): DrawnTrace[] {
  const random = seededRandom(seed);
  const some = (of: readonly Example[], most: number) => shuffled(of, random).slice(0, most);
  const isOwn = ({ workload }: Example) => workload === name;
  const bad = [
    ...some(attacks.filter(isOwn), tracesMax),
    ...some(
      attacks.filter((attack) => !isOwn(attack)),
      foreignMax,
    ),
  ];
  const windowed = (trace: Example, isAttack: boolean): DrawnTrace => {
    const count = Math.ceil(trace.calls.length / sizes.predicted);
    const starts = Array.from({ length: count }, (_, at) => at * sizes.predicted);
    const windows = shuffled(starts, random).slice(0, windowsOfTraceMax);
    return { isAttack, windows: windows.map((start) => ({ trace, start, classId: classes.idOf(name) })) };
  };
  return [
    ...some(normal.filter(isOwn), tracesMax).map((trace) => windowed(trace, false)),
    ...bad.map((trace) => windowed(trace, true)),
  ];
}

/** The sum over these classes of each one's mean over its pairs. Windows that the network cannot tell apart are read once. */
function pairLossOf(drawn: readonly (readonly DrawnTrace[])[], sizes: LanguageModelSizes) {
  const traces = drawn.flat();
  const rows = new Map<string, Readonly<{ row: number; window: Window }>>();
  const places = traces.flatMap(({ windows }, trace) =>
    windows.map((window) => {
      const key = predictionKey(window.trace, window.start, window.classId, sizes);
      const { row } = rows.get(key) ?? { row: rows.size };
      if (row === rows.size) rows.set(key, { row, window });
      return { trace, row };
    }),
  );
  const batch = batchOf(
    [...rows.values()].map(({ window }) => window),
    sizes,
  );
  const { size } = batch;
  const counted = placesWithCalls(batch, sizes);
  const callsOf = new Float32Array(traces.length);
  for (const { trace, row } of places) {
    for (let at = row; at < counted.length; at += size)
      callsOf[trace] = (callsOf[trace] as number) + (counted[at] as number);
  }
  const [rowOf, traceOf] = [Int32Array.from(places, ({ row }) => row), Int32Array.from(places, ({ trace }) => trace)];
  const pairs = pairsOf(drawn);
  return (parameters: Parameters): Scalar => {
    const { ofCalls, ofArguments } = predictionSurprisal(parameters, batch, sizes);
    const all = ofArguments === undefined ? ofCalls : tf.add(ofCalls, ofArguments);
    const powers = tf.mul(tf.pow(all, traceExponent), tf.tensor2d(counted, [sizes.predicted, size]));
    const ofRows = tf.gather(tf.sum(powers, 0), tf.tensor1d(rowOf, 'int32')) as Tensor1D;
    const ofTraces = tf.unsortedSegmentSum(ofRows, tf.tensor1d(traceOf, 'int32'), traces.length);
    // A little above 0: the root has no slope there.
    const means = tf.add(tf.div(ofTraces, tf.tensor1d(callsOf)), 1e-6);
    const scores = tf.pow(means, 1 / traceExponent) as Tensor1D;
    const of = (indices: Int32Array) => tf.gather(scores, tf.tensor1d(indices, 'int32'));
    const gaps = tf.sub(of(pairs.normal), of(pairs.attack));
    return tf.sum(tf.mul(tf.softplus(gaps), tf.tensor1d(pairs.weights)));
  };
}

/** Each class's normal traces beside its attacks, as indices of traces, shape [pairs], and what a pair counts. */
function pairsOf(drawn: readonly (readonly DrawnTrace[])[]) {
  const [normal, attack, weights]: [number[], number[], number[]] = [[], [], []];
  let first = 0;
  for (const some of drawn) {
    const indices = some.map((_, at) => first + at);
    const [bad, good] = [true, false].map((wanted) => indices.filter((_, at) => some[at]?.isAttack === wanted)) as [
      number[],
      number[],
    ];
    for (const usual of good) {
      for (const hostile of bad) {
        normal.push(usual);
        attack.push(hostile);
        weights.push(1 / (good.length * bad.length));
      }
    }
    first += some.length;
  }
  return { normal: Int32Array.from(normal), attack: Int32Array.from(attack), weights: Float32Array.from(weights) };
}
