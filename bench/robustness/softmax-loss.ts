import type { TrustedLoss } from '../../aggregation/trusted/trusted-loss.ts';
import type { Example } from '../../lab/data/service-task.ts';
import { addOuter, outputsInto, type Shape, softmaxInto } from './softmax.ts';

/**
 * Cross-entropy of softmax regression on a sample, every class that it holds counting the same. `names`: of all classes, by
 * label. O(examples · classes · features they have) for outputs; the span of the sample's features by its Gram matrix.
 */
export function softmaxLoss(sample: readonly Example[], shape: Shape, names: readonly string[]): TrustedLoss {
  const labels = [...new Set(sample.map(({ label }) => label))].sort((a, b) => a - b);
  const { classes, features } = shape;
  const weightOf = sample.map(
    ({ label }) => 1 / labels.length / sample.filter((other) => other.label === label).length,
  );
  let inverse: Float64Array | undefined; // Of the clipping that splits alone; 65,000 features take most of a minute.
  const seen = onSeenFeatures(sample);
  const seenShape = { classes, features: seen.features.length };
  const seenWeights = new Float64Array(classes * seenShape.features);
  const outputsOf = (weights: Float32Array) => {
    for (let c = 0, to = 0; c < classes; c++) {
      for (const feature of seen.features) seenWeights[to++] = weights[c * features + feature] as number;
    }
    const all = new Float64Array(sample.length * classes);
    seen.sample.forEach((example, k) => {
      outputsInto(all, seenWeights, seenShape, example, k * classes);
    });
    return all;
  };
  const lossOf = (all: Float64Array) => {
    let loss = 0;
    const gradient = new Float64Array(all.length);
    sample.forEach(({ label }, k) => {
      softmaxInto(gradient, all, k * classes, classes);
      const weight = weightOf[k] as number;
      loss -= weight * Math.log(Math.max(1e-300, at(gradient, k * classes + label)));
      gradient[k * classes + label] = at(gradient, k * classes + label) - 1;
      for (let c = 0; c < classes; c++) gradient[k * classes + c] = weight * at(gradient, k * classes + c);
    });
    return { loss, gradient };
  };
  return {
    covered: labels.map((label) => names[label] as string),
    losses: async (weights) => {
      const all = outputsOf(weights);
      for (let k = 0; k < sample.length; k++) softmaxInto(all, all, k * classes, classes);
      return Float64Array.from(labels, (label) => {
        const own = sample.flatMap((example, k) => (example.label === label ? [k * classes + label] : []));
        return own.reduce((sum, place) => sum - Math.log(Math.max(1e-300, at(all, place))), 0) / own.length;
      });
    },
    gradient: async (weights) => {
      const { loss, gradient } = lossOf(outputsOf(weights));
      return { loss, gradient: backThrough(sample, shape, gradient) };
    },
    linear: {
      outputsOf,
      lossOf,
      // Xᵀ (X Xᵀ)⁻¹ X u: what of the update lies in the span of the sample's features X.
      inside: remembered((update) => {
        const seen = outputsOf(update);
        const solved = new Float64Array(seen.length);
        const m = sample.length;
        inverse ??= inverseGram(sample, features);
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < m; j++) {
            const factor = at(inverse, i * m + j);
            for (let c = 0; c < classes; c++) {
              solved[i * classes + c] = at(solved, i * classes + c) + factor * at(seen, j * classes + c);
            }
          }
        }
        return backThrough(sample, shape, solved);
      }),
    },
  };
}

/** The features that some example has, ascending, and the examples by their places among these: outputs need no other weights. */
function onSeenFeatures(sample: readonly Example[]): { features: Uint32Array; sample: Example[] } {
  const features = Uint32Array.from(new Set(sample.flatMap(({ indices }) => [...indices]))).sort();
  const place = new Map(Array.from(features, (feature, at) => [feature, at]));
  const moved = sample.map((example) => ({
    ...example,
    indices: example.indices.map((feature) => place.get(feature) as number),
  }));
  return { features, sample: moved };
}

/** Answers for the last rows asked about: an attacker who tries the rule shows it the same honest rows again and again. */
function remembered(answer: (update: Float32Array) => Float32Array): (update: Float32Array) => Float32Array {
  const last: { bytes: Buffer; inside: Float32Array }[] = [];
  return (update) => {
    const bytes = Buffer.from(update.buffer, update.byteOffset, update.byteLength);
    const known = last.find((each) => each.bytes.equals(bytes));
    if (known !== undefined) return known.inside;
    const inside = answer(update);
    last.push({ bytes: Buffer.from(bytes), inside });
    if (last.length > 40) last.shift();
    return inside;
  };
}

/** Xᵀ · byOutput, shape [classes · features]. */
function backThrough(sample: readonly Example[], { classes, features }: Shape, byOutput: Float64Array): Float32Array {
  const back = new Float64Array(classes * features);
  sample.forEach((example, k) => {
    addOuter(back, features, example, byOutput.subarray(k * classes, (k + 1) * classes), 1);
  });
  return new Float32Array(back);
}

/** (X Xᵀ + εI)⁻¹ by Gauss and Jordan; ε keeps traces that are alike from dividing by nothing. Shape [m, m]. */
function inverseGram(sample: readonly Example[], features: number): Float64Array {
  const m = sample.length;
  const dense = sample.map(({ indices, values }) => {
    const vector = new Float64Array(features);
    indices.forEach((feature, k) => {
      vector[feature] = values[k] as number;
    });
    return vector;
  });
  const width = 2 * m;
  const table = new Float64Array(m * width);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < m; j++) {
      table[i * width + j] = (dense[i] as Float64Array).reduce(
        (sum, value, k) => sum + value * at(dense[j] as Float64Array, k),
        0,
      );
    }
    table[i * width + i] = at(table, i * width + i) + 1e-6;
    table[i * width + m + i] = 1;
  }
  for (let pivot = 0; pivot < m; pivot++) {
    const scale = 1 / at(table, pivot * width + pivot); // Positive: the matrix is positive definite.
    for (let k = 0; k < width; k++) table[pivot * width + k] = at(table, pivot * width + k) * scale;
    for (let i = 0; i < m; i++) {
      const factor = at(table, i * width + pivot);
      if (i === pivot || factor === 0) continue;
      for (let k = 0; k < width; k++) {
        table[i * width + k] = at(table, i * width + k) - factor * at(table, pivot * width + k);
      }
    }
  }
  const inverse = new Float64Array(m * m);
  for (let i = 0; i < m; i++) inverse.set(table.subarray(i * width + m, (i + 1) * width), i * m);
  return inverse;
}

function at(values: Float64Array, index: number): number {
  return values[index] as number;
}
