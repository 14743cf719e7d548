import { tf } from '#tensorflow';
import { layoutOf } from '../../../../proto/layout.ts';
import { parametersOf } from '../../neural/parameters.ts';
import type { WindowModel } from './window-model.ts';
import type { WindowNetwork } from './window-reader.ts';

/** A window model with these weights, flat and copied, computed by TensorFlow. */
export function windowNetwork(model: WindowModel, weights: Float32Array): WindowNetwork {
  const layout = layoutOf(model.spec);
  const kept = tf.tensor1d(weights.slice());
  return {
    window: model.window,
    surprisal(windows) {
      const result = tf.tidy(() => tf.transpose(model.surprisal(parametersOf(layout, kept), windows)));
      const values = result.dataSync<'float32'>();
      result.dispose();
      return values;
    },
    close: () => kept.dispose(),
  };
}
