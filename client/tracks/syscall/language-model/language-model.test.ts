import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { initialLanguageModel } from './language-model.ts';
import { languageModelSpec } from './language-model-spec.ts';
import { trainLanguageModel } from './language-model-training.ts';
import { predictionNetwork } from './prediction-network.ts';
import { SurprisalReader } from './surprisal-reader.ts';

const classes = new WorkloadClasses(['web', 'db']);
const spec = languageModelSpec(classes, { embedding: 8, classEmbedding: 4, hidden: 12, warmUp: 4, predicted: 6 });
const base = initialLanguageModel(spec, 7);
// The same first call is followed by another second call in the other class: only the class can tell them apart.
const web = { service: 'web', calls: Uint16Array.from({ length: 90 }, (_, i) => [10, 11, 12][i % 3] as number) };
const db = { service: 'db', calls: Uint16Array.from({ length: 90 }, (_, i) => [10, 12, 11][i % 3] as number) };
const options = { seed: 3, steps: 120, batchSize: 8 };

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('the language model', () => {
  it('has a legal spec whose layout its initial weights fill', () => {
    expect(checkSpec(spec).ok).toBe(true);
    expect(base.length).toBe(layoutOf(spec).length);
    expect(initialLanguageModel(spec, 7)).toEqual(base);
    expect(initialLanguageModel(spec, 8)).not.toEqual(base);
  });

  it('learns what follows what in each class, and leaves base and memory as they were', () => {
    const copy = base.slice();
    const { weights, examples, steps, loss } = trainLanguageModel(spec, base, [web, db], options);
    expect({ steps, base }).toEqual({ steps: 120, base: copy });
    expect(examples).toBeLessThan(20); // 30 windows, most of them repeats.
    expect(loss).toBeLessThan(1);
    const reader = new SurprisalReader(predictionNetwork(spec, weights));
    const [known, foreign] = reader.read([web, { ...web, service: 'db' }]) as [Float32Array, Float32Array];
    reader.close();
    expect(mean(known.subarray(4))).toBeLessThan(0.5);
    expect(mean(foreign.subarray(4))).toBeGreaterThan(mean(known.subarray(4)) + 0.5);
    const before = tf.memory().numTensors;
    trainLanguageModel(spec, base, [web], { ...options, steps: 3 });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the same bits for the same seed, and others for another', () => {
    const trained = (seed: number) =>
      trainLanguageModel(spec, base, [web, db], { ...options, steps: 15, seed }).weights;
    expect(trained(3)).toEqual(trained(3));
    expect(trained(3)).not.toEqual(trained(4));
  });

  it('stays near its base under a strong proximal term', () => {
    const moved = (proximal: number) => {
      const { weights } = trainLanguageModel(spec, base, [web], { ...options, steps: 40, proximal });
      return Math.hypot(...weights.map((value, i) => value - (base[i] as number)));
    };
    expect(moved(10)).toBeLessThan(0.5 * moved(0));
  });

  it('learns nothing from nothing', () => {
    const { weights, steps, examples, loss } = trainLanguageModel(spec, base, [], options);
    expect({ weights, steps, examples, loss }).toEqual({ weights: base, steps: 0, examples: 0, loss: Number.NaN });
  });
});

describe('SurprisalReader', () => {
  it('reads the same with its memory of windows as without', () => {
    const trace = { service: 'web', calls: Uint16Array.from({ length: 77 }, (_, i) => 5 + ((i * i) % 13)) };
    const remembering = new SurprisalReader(predictionNetwork(spec, base));
    const forgetting = new SurprisalReader(predictionNetwork(spec, base), 0);
    const short = { service: 'nobody knows', calls: Uint16Array.of(9) };
    const first = remembering.read([trace, short, { service: 'db', calls: new Uint16Array(0) }]);
    expect(first.map((values) => values.length)).toEqual([77, 1, 0]);
    expect(remembering.read([trace, short])).toEqual(first.slice(0, 2));
    const plain = forgetting.read([trace, short]);
    for (const [index, values] of plain.entries()) {
      expect([...values]).toEqual([...(first[index] as Float32Array)].map((value) => expect.closeTo(value, 4)));
    }
    expect(remembering.memory.hits).toBeGreaterThanOrEqual(14);
    remembering.close();
    forgetting.close();
  });
});
