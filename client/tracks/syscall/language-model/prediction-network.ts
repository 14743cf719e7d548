import { tf } from '#tensorflow';
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { parametersOf } from '../../neural/parameters.ts';
import { predictionSurprisal } from './language-model.ts';
import { languageModelClasses, languageModelSizes } from './language-model-spec.ts';
import type { PredictionNetwork } from './surprisal-reader.ts';

/** The language model with these weights, flat and copied, computed by TensorFlow. */
export function predictionNetwork(spec: ModelSpec, weights: Float32Array): PredictionNetwork {
  const layout = layoutOf(spec);
  const sizes = languageModelSizes(spec);
  const kept = tf.tensor1d(weights.slice());
  return {
    sizes,
    classes: languageModelClasses(spec),
    surprisal(batch) {
      const result = tf.tidy(() => {
        const { ofCalls, ofArguments } = predictionSurprisal(parametersOf(layout, kept), batch, sizes);
        return tf.transpose(ofArguments === undefined ? ofCalls : tf.concat2d([ofCalls, ofArguments], 0));
      });
      const values = result.dataSync<'float32'>();
      result.dispose();
      return values;
    },
    close: () => kept.dispose(),
  };
}
