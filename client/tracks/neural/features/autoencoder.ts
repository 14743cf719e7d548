/**
 * Autoencoder of flow features: a narrow network writes a flow's features again; what it cannot write again is unusual
 * (Hinton and Salakhutdinov 2006; with inputs hidden at random as in Vincent et al. 2008). Input is scaled locally
 * (robust-scale.ts), so clusters of different traffic meet in one model, and no batch statistics travel.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { type Random, randomOrder, seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Trained, TrainingOptions } from '../../detector.ts';
import { FlatTrainer } from '../flat-trainer.ts';
import { initialWeights } from '../initial-weights.ts';
import { type Parameters, parameter, parametersOf } from '../parameters.ts';
import { fitScale, type RobustScale } from './robust-scale.ts';

/** The same network, of rows of different kinds of tracks. */
const featureArchitectures = ['flow-feature-autoencoder/1', 'feature-rows-autoencoder/1'] as const;
export type FeatureArchitecture = (typeof featureArchitectures)[number];

/** What one hyperparameter may hold, with room to spare: longer lists go on in "NAME.1", "NAME.2", … */
const textMax = 1_000;

type Sizes = Readonly<{ width: number; hidden: number; code: number }>;

/**
 * columns: what the rows hold, in order; part of the spec, so that every cluster means the same by a column. scale: one for
 * all clusters, from public knowledge; without it each fits its own, and the same value means another thing in each of them,
 * which costs a federation dearly (docs/benchmarks/detection-flow.md).
 */
export function featureSpec(
  columns: readonly string[],
  {
    hidden = 128,
    code = 32,
    scale,
    architecture = featureArchitectures[0],
  }: { hidden?: number; code?: number; scale?: RobustScale; architecture?: FeatureArchitecture } = {},
): ModelSpec {
  const width = columns.length;
  return {
    architecture,
    hyperparameters: {
      ...listed('columns', columns),
      hidden,
      code,
      ...(scale !== undefined && {
        ...listed('centers', textsOf(scale.centers)),
        ...listed('spreads', textsOf(scale.spreads)),
      }),
    },
    tensors: [
      { name: 'encoder.weights', shape: [width, hidden] },
      { name: 'encoder.bias', shape: [hidden] },
      { name: 'code.weights', shape: [hidden, code] },
      { name: 'code.bias', shape: [code] },
      { name: 'decoder.weights', shape: [code, hidden] },
      { name: 'decoder.bias', shape: [hidden] },
      { name: 'output.weights', shape: [hidden, width] },
      { name: 'output.bias', shape: [width] },
    ],
  };
}

/** The columns of a spec; throws a RangeError when it is not this architecture's. */
export function featureColumns(spec: ModelSpec): string[] {
  const columns = list(spec, 'columns') ?? [''];
  const isKnown = (featureArchitectures as readonly string[]).includes(spec.architecture);
  if (!isKnown || spec.tensors[0]?.shape[0] !== columns.length) {
    const known = featureArchitectures.join(' or ');
    throw new RangeError(`model spec: expected ${known} with its columns, got ${spec.architecture}`);
  }
  return columns;
}

/** The scale of a spec, or one fitted to these raw rows. Throws a RangeError on a spec whose scale does not fit its columns. */
export function featureScale(spec: ModelSpec, rows: Float32Array): RobustScale {
  const width = featureColumns(spec).length;
  const [centers, spreads] = [list(spec, 'centers'), list(spec, 'spreads')];
  if (centers === undefined && spreads === undefined) return fitScale(rows, width);
  const [center, spread] = [centers ?? [], spreads ?? []].map((texts) => Float32Array.from(texts, Number)) as [
    Float32Array,
    Float32Array,
  ];
  const fits = center.length === width && spread.length === width;
  if (!fits || !center.every(Number.isFinite) || !spread.every((value) => value > 0 && Number.isFinite(value))) {
    throw new RangeError(
      `model spec: expected ${width} finite centers and ${width} spreads above 0, one for each column`,
    );
  }
  return { centers: center, spreads: spread };
}

function textsOf(values: Float32Array): string[] {
  return Array.from(values, (value) => String(Number(value.toPrecision(4))));
}

/** A list as hyperparameters: with commas between, over as many texts as it takes. */
function listed(name: string, items: readonly string[]): Record<string, string> {
  const texts: string[] = [];
  for (const item of items) {
    const last = texts.at(-1);
    if (last !== undefined && last.length + item.length < textMax) texts[texts.length - 1] = `${last},${item}`;
    else texts.push(item);
  }
  return Object.fromEntries(texts.map((text, at) => [at === 0 ? name : `${name}.${at}`, text]));
}

function list({ hyperparameters }: ModelSpec, name: string): string[] | undefined {
  if (hyperparameters[name] === undefined) return undefined;
  const items: string[] = [];
  for (let at = 0; ; at++) {
    const text = hyperparameters[at === 0 ? name : `${name}.${at}`];
    if (text === undefined) return items;
    items.push(...String(text).split(','));
  }
}

/** Weights to begin with; the same seed gives the same bits. */
export function initialFeatures(spec: ModelSpec, seed: number): Float32Array {
  return initialWeights(spec, seed);
}

/** Rows written again, [n, width]. */
function reconstruct(parameters: Parameters, rows: Tensor2D): Tensor2D {
  const layer = (input: Tensor2D, name: string) =>
    tf.add(
      tf.matMul(input, parameter<Tensor2D>(parameters, `${name}.weights`)),
      parameter<Tensor1D>(parameters, `${name}.bias`),
    ) as Tensor2D;
  const code = tf.tanh(layer(tf.elu(layer(rows, 'encoder')), 'code')) as Tensor2D;
  return layer(tf.elu(layer(code, 'decoder')), 'output');
}

/** Mean of ln cosh of what is missed, over all features: quadratic near 0, linear far out, smooth everywhere. */
function featureLoss(parameters: Parameters, shown: Tensor2D, wanted: Tensor2D): Scalar {
  const missed = tf.sub(reconstruct(parameters, shown), wanted);
  const lnCosh = tf.sub(tf.add(missed, tf.softplus(tf.mul(missed, -2))), Math.LN2);
  return tf.mean(lnCosh) as Scalar;
}

/** Rows with some values hidden, and as they are: shape [n, width], row-major. */
export type FeatureBatch = Readonly<{ shown: Float32Array; wanted: Float32Array; width: number }>;

/** Batches for ever, every row at most once in each pass, which leaves out what fills no batch; rows: scaled, shape [n, width], n at least 1. */
export function* batchesOf(
  rows: Float32Array,
  width: number,
  batchSize: number,
  random: Random,
): Generator<FeatureBatch> {
  const count = rows.length / width;
  const size = Math.min(batchSize, count);
  for (;;) {
    const order = randomOrder(count, random);
    for (let at = 0; at + size <= count; at += size) {
      const wanted = new Float32Array(size * width);
      for (let place = 0; place < size; place++) {
        const row = order[at + place] as number;
        wanted.set(rows.subarray(row * width, (row + 1) * width), place * width);
      }
      yield { shown: wanted.map((value) => (random() < defaults.hiddenShare ? 0 : value)), wanted, width };
    }
  }
}

/** The loss of a batch. Runs inside a tidy. */
export function batchLoss(parameters: Parameters, { shown, wanted, width }: FeatureBatch): Scalar {
  const shape: [number, number] = [wanted.length / width, width];
  return featureLoss(parameters, tf.tensor2d(shown, shape), tf.tensor2d(wanted, shape));
}

const defaults = { batchSize: 256, learningRate: 3e-3, clipNorm: 1, hiddenShare: 0.1 } as const;

/** rows: scaled, shape [n, width], row-major. One client's work in one round. */
export function trainFeatures(
  spec: ModelSpec,
  base: Float32Array,
  rows: Float32Array,
  options: TrainingOptions,
): Trained {
  const { width } = sizesOf(spec);
  const count = rows.length / width;
  if (count < 1) return { weights: base.slice(), steps: 0, examples: 0, loss: Number.NaN };
  const random = seededRandom(options.seed);
  const {
    batchSize = defaults.batchSize,
    learningRate = defaults.learningRate,
    clipNorm = defaults.clipNorm,
  } = options;
  const endsAt =
    options.secondsMax === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.secondsMax * 1e3;
  const trainer = new FlatTrainer(spec, base);
  const losses: number[] = [];
  try {
    for (const batch of batchesOf(rows, width, Math.min(batchSize, count), random)) {
      if (losses.length >= options.steps || performance.now() >= endsAt || options.signal?.aborted === true) break;
      const lossOf = (parameters: Parameters) => batchLoss(parameters, batch);
      losses.push(trainer.step(lossOf, { ...options, learningRate, clipNorm }));
    }
    const last = losses.slice(-Math.ceil(losses.length / 10));
    const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
    return { weights: trainer.weights(), steps: losses.length, examples: count, loss };
  } finally {
    trainer.close();
  }
}

/** What is missed of each feature, squared, shape [n, width]; rows scaled. */
export function missedSquares(spec: ModelSpec, weights: Float32Array, rows: Float32Array): Float32Array {
  const { width } = sizesOf(spec);
  const layout = layoutOf(spec);
  if (weights.length !== layout.length) {
    throw new RangeError(`flat weights: expected ${layout.length} values, got ${weights.length}`);
  }
  const values = new Float32Array(rows.length);
  const perCall = 8_192 * width;
  for (let at = 0; at < rows.length; at += perCall) {
    const part = rows.subarray(at, at + perCall);
    const squares = tf.tidy(() => {
      const wanted = tf.tensor2d(part, [part.length / width, width]);
      return tf.square(tf.sub(reconstruct(parametersOf(layout, tf.tensor1d(weights)), wanted), wanted));
    });
    values.set(squares.dataSync<'float32'>(), at);
    squares.dispose();
  }
  return values;
}

function sizesOf(spec: ModelSpec): Sizes {
  const columns = featureColumns(spec);
  return {
    width: columns.length,
    hidden: Number(spec.hyperparameters.hidden),
    code: Number(spec.hyperparameters.code),
  };
}
