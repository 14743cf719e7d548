import type { SeededNumbers } from '../../base/random.ts';
import type { Example } from '../../lab/data/service-task.ts';

/** Softmax regression: weights of shape [features, classes], row-major, float32; one flat vector, as updates are. */
export type Shape = Readonly<{ features: number; classes: number }>;

/** How a client trains: `steps` of plain SGD on batches drawn with replacement. */
export type LocalTraining = Readonly<{ steps: number; batchSize: number; learningRate: number }>;

/** What the weights became minus what they were, shape [features · classes]. `examples` must not be empty. */
export function trainedDelta(
  weights: Float32Array,
  { classes }: Shape,
  examples: readonly Example[],
  { steps, batchSize, learningRate }: LocalTraining,
  random: SeededNumbers,
): Float32Array {
  const local = Float64Array.from(weights);
  for (let step = 0; step < steps; step++) {
    const batch = Array.from({ length: batchSize }, () => examples[random.integer(examples.length)] as Example);
    const errors = batch.map((example) => {
      const error = probabilities(local, classes, example);
      error[example.label] = (error[example.label] as number) - 1;
      return error;
    });
    batch.forEach(({ indices, values }, at) => {
      const error = errors[at] as Float64Array;
      indices.forEach((feature, k) => {
        const scale = (learningRate / batchSize) * (values[k] as number);
        for (let c = 0; c < classes; c++) {
          const place = feature * classes + c;
          local[place] = (local[place] as number) - scale * (error[c] as number);
        }
      });
    });
  }
  return Float32Array.from(local, (value, place) => value - (weights[place] as number));
}

/** Mean over classes of the share recognised: every service counts the same, however many traces it has. */
export function balancedAccuracy(weights: Float32Array, { classes }: Shape, examples: readonly Example[]): number {
  const right = new Float64Array(classes);
  const total = new Float64Array(classes);
  for (const example of examples) {
    const scores = probabilities(weights, classes, example);
    const { label } = example;
    total[label] = (total[label] as number) + 1;
    if (scores.indexOf(Math.max(...scores)) === label) right[label] = (right[label] as number) + 1;
  }
  return right.reduce((sum, count, label) => sum + count / (total[label] as number), 0) / classes;
}

function probabilities(weights: ArrayLike<number>, classes: number, { indices, values }: Example): Float64Array {
  const scores = new Float64Array(classes);
  indices.forEach((feature, k) => {
    const value = values[k] as number;
    for (let c = 0; c < classes; c++) {
      scores[c] = (scores[c] as number) + value * (weights[feature * classes + c] as number);
    }
  });
  const highest = Math.max(...scores);
  let sum = 0;
  for (let c = 0; c < classes; c++) {
    const raised = Math.exp((scores[c] as number) - highest);
    scores[c] = raised;
    sum += raised;
  }
  return scores.map((score) => score / sum);
}
