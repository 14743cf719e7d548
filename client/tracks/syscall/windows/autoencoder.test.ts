import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { autoencoderModel, initialAutoencoder } from './autoencoder.ts';
import { autoencoderSpec } from './autoencoder-spec.ts';
import { windowNetwork } from './window-network.ts';
import { WindowReader } from './window-reader.ts';
import { trainWindows } from './window-training.ts';

const classes = new WorkloadClasses(['web']);
const spec = autoencoderSpec(classes, { window: 8, vocabulary: vocabulary.length, embedding: 8, hidden: 16 });
const model = autoencoderModel(spec);
const base = initialAutoencoder(spec, 5);
const web = { service: 'web', calls: Uint16Array.from({ length: 120 }, (_, i) => 10 + (i % 4)) };
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('the LSTM autoencoder', () => {
  it('has the size that is compared with PyTorch', () => {
    const measured = autoencoderSpec(classes, { window: 20, vocabulary: 350, embedding: 64, hidden: 128 });
    expect(layoutOf(measured).length).toBe(297_950);
    expect(checkSpec(measured).ok).toBe(true);
  });

  it('writes again what it learnt, stumbles over what it did not, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const { weights, loss, examples } = trainWindows(model, base, [web], {
      seed: 1,
      steps: 150,
      learningRate: 0.02,
    });
    expect(examples).toBe(1); // A stride of 4 against a loop of 4: the same window again and again.
    expect(loss).toBeLessThan(Math.log(4)); // Below knowing merely which four calls there are; it began at ln 387.
    const reader = new WindowReader(windowNetwork(model, weights));
    const strange = { ...web, calls: web.calls.map((call, i) => (i % 9 === 0 ? 77 : call)) };
    const [known, unknown] = reader.surprisal([web, strange]) as [Float32Array, Float32Array];
    expect(mean(unknown)).toBeGreaterThan(mean(known) + 1);
    reader.close();
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1); // The kept sequence length.
  });

  it('gives the same bits for the same seed', () => {
    const trained = () => trainWindows(model, base, [web], { seed: 2, steps: 10, batchSize: 4 }).weights;
    expect(trained()).toEqual(trained());
  });

  it('reads the same with its memory of windows as without', () => {
    const traces = [web, { ...web, calls: Uint16Array.of(9) }, { ...web, calls: new Uint16Array(0) }];
    const [remembering, forgetting] = [
      new WindowReader(windowNetwork(model, base)),
      new WindowReader(windowNetwork(model, base), 5, 0),
    ];
    const first = remembering.surprisal(traces);
    expect(first.map((values) => values.length)).toEqual([120, 1, 0]);
    for (const [index, values] of forgetting.surprisal(traces).entries()) {
      expect([...values]).toEqual([...(first[index] as Float32Array)].map((value) => expect.closeTo(value, 4)));
    }
    expect(remembering.memory.hits).toBeGreaterThan(remembering.memory.misses);
    remembering.close();
    forgetting.close();
  });
});
