import type { Tensor } from '@tensorflow/tfjs-node';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import { parametersOf } from '../../neural/parameters.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { initialVariational, variationalModel } from './variational-autoencoder.ts';
import { variationalSpec } from './variational-spec.ts';
import { windowNetwork } from './window-network.ts';
import { WindowReader } from './window-reader.ts';
import { trainWindows } from './window-training.ts';

const sizes = { window: 8, vocabulary: vocabulary.length, embedding: 8, hidden: 16, latent: 4 };
const spec = variationalSpec(new WorkloadClasses(['web']), sizes);
const model = variationalModel(spec);
const base = initialVariational(spec, 5);
const web = { service: 'web', calls: Uint16Array.from({ length: 120 }, (_, i) => 10 + (i % 4)) };
const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('the variational autoencoder', () => {
  it('has a legal spec', () => {
    expect(checkSpec(spec).ok).toBe(true);
    expect(() => variationalModel({ ...spec, architecture: 'syscall-lstm-autoencoder/1' })).toThrow(RangeError);
  });

  it('writes again what it learnt, stumbles over what it did not, and scores without drawing', () => {
    const { weights, loss } = trainWindows(model, base, [web], { seed: 1, steps: 150, learningRate: 0.02 });
    expect(loss).toBeLessThan(Math.log(4)); // Below knowing merely which four calls there are.
    const reader = new WindowReader(windowNetwork(model, weights), 5, 0);
    const strange = { ...web, calls: web.calls.map((call, i) => (i % 9 === 0 ? 77 : call)) };
    const [known, unknown] = reader.surprisal([web, strange]) as [Float32Array, Float32Array];
    expect(mean(unknown)).toBeGreaterThan(mean(known) + 1);
    expect(reader.surprisal([web])[0]).toEqual(known);
    reader.close();
  });

  it('draws by its seed: the same bits again, others for another', () => {
    const trained = (seed: number) => trainWindows(model, base, [web], { seed, steps: 10, batchSize: 4 }).weights;
    expect(trained(2)).toEqual(trained(2));
    expect(trained(2)).not.toEqual(trained(3));
  });

  it('has gradients that finite differences confirm, the divergence included', () => {
    const windows = Int32Array.from({ length: 3 * sizes.window }, (_, i) => 5 + ((i * 7) % 11));
    const layout = layoutOf(spec);
    const lossAt = (flat: Float32Array) =>
      tf.tidy(() => model.loss(parametersOf(layout, tf.tensor1d(flat)), windows, 9).dataSync()[0] as number);
    const gradient = tf.tidy(() => {
      const flat = tf.tensor1d(base.slice());
      const slope = tf.grad((x: Tensor) => model.loss(parametersOf(layout, x as typeof flat), windows, 9))(flat);
      return slope.dataSync().slice();
    });
    const shift = 1e-2;
    for (const name of ['latent.weights', 'latent.bias', 'encoder.weights', 'decoder.weights', 'output.bias']) {
      const slot = layout.slots.find((one) => one.name === name);
      if (slot === undefined) throw new Error(`no tensor ${name}`);
      for (const index of [slot.offset, slot.offset + Math.floor(slot.length / 2), slot.offset + slot.length - 1]) {
        const moved = (by: number) => base.map((value, at) => (at === index ? value + by : value));
        const slope = (lossAt(moved(shift)) - lossAt(moved(-shift))) / (2 * shift);
        expect(gradient[index]).toBeCloseTo(slope, 2);
      }
    }
  });
});
