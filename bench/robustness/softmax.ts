import type { SeededNumbers } from '../../base/random.ts';
import type { Example } from '../../lab/data/service-task.ts';

/**
 * Softmax regression: weights of shape [classes, features], row-major, float32; one flat vector, as updates are. A class's
 * weights lie together: they are its block.
 */
export type Shape = Readonly<{ features: number; classes: number }>;

/** How a client trains: `steps` of plain SGD on batches drawn with replacement. */
export type LocalTraining = Readonly<{ steps: number; batchSize: number; learningRate: number }>;

/** Where a batch is drawn from: each example from `mixed` with probability `share`, from the client's own else. */
export type Mixture = Readonly<{ mixed: readonly Example[]; share: number }>;

/** What the weights became minus what they were, shape [classes · features]. `examples` must not be empty. */
export function trainedDelta(
  weights: Float32Array,
  { classes, features }: Shape,
  examples: readonly Example[],
  { steps, batchSize, learningRate }: LocalTraining,
  random: SeededNumbers,
  { mixed, share }: Mixture = { mixed: [], share: 0 },
): Float32Array {
  const local = new Float64Array(weights);
  const shape = { classes, features };
  const errors = Array.from({ length: batchSize }, () => new Float64Array(classes));
  for (let step = 0; step < steps; step++) {
    const batch = errors.map((error) => {
      const from = share > 0 && random.uniform() < share ? mixed : examples;
      const example = from[random.integer(from.length)] as Example;
      softmaxInto(error, outputsInto(error, local, shape, example));
      error[example.label] = (error[example.label] as number) - 1;
      return example;
    });
    for (let at = 0; at < batchSize; at++) {
      addOuter(local, features, batch[at] as Example, errors[at] as Float64Array, -learningRate / batchSize);
    }
  }
  const delta = new Float32Array(local.length);
  for (let place = 0; place < delta.length; place++) {
    delta[place] = (local[place] as number) - (weights[place] as number);
  }
  return delta;
}

/** into[c, ·] += scale · byClass[c] · the example's features. */
export function addOuter(
  into: Float64Array,
  features: number,
  { indices, values }: Example,
  byClass: Float64Array,
  scale: number,
): void {
  for (let c = 0; c < byClass.length; c++) {
    const factor = scale * (byClass[c] as number);
    const start = c * features;
    for (let k = 0; k < indices.length; k++) {
      const place = start + (indices[k] as number);
      into[place] = (into[place] as number) + factor * (values[k] as number);
    }
  }
}

/** Share of each class's examples that are recognised; NaN for a class without any. */
export function recalls(weights: Float32Array, shape: Shape, examples: readonly Example[]): Float64Array {
  const wide = new Float64Array(weights);
  const right = new Float64Array(shape.classes);
  const total = new Float64Array(shape.classes);
  for (const example of examples) {
    const { label } = example;
    total[label] = (total[label] as number) + 1;
    if (predicted(wide, shape, example) === label) right[label] = (right[label] as number) + 1;
  }
  return right.map((count, label) => count / (total[label] as number));
}

/** The class of the highest output, the first of several. */
export function predicted(weights: Float64Array, shape: Shape, example: Example): number {
  const scores = outputsInto(new Float64Array(shape.classes), weights, shape, example);
  return scores.indexOf(Math.max(...scores));
}

/** Logits, shape [classes], written to `into` from place `at` on. Float64 alone: arrays of two kinds would halve the speed. */
export function outputsInto(
  into: Float64Array,
  weights: Float64Array,
  { classes, features }: Shape,
  { indices, values }: Example,
  at = 0,
): Float64Array {
  for (let c = 0; c < classes; c++) {
    let sum = 0;
    const start = c * features;
    for (let k = 0; k < indices.length; k++) {
      sum += (values[k] as number) * (weights[start + (indices[k] as number)] as number);
    }
    into[at + c] = sum;
  }
  return into;
}

/** Chances of `count` logits from place `at` on, written to the same places of `into`, which may be the same array. */
export function softmaxInto(into: Float64Array, scores: Float64Array, at = 0, count = into.length): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (let c = at; c < at + count; c++) highest = Math.max(highest, scores[c] as number);
  let sum = 0;
  for (let c = at; c < at + count; c++) {
    const raised = Math.exp((scores[c] as number) - highest);
    into[c] = raised;
    sum += raised;
  }
  for (let c = at; c < at + count; c++) into[c] = (into[c] as number) / sum;
  return into;
}
