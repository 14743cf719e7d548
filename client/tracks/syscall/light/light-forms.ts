/** The light forms of the syscall track: 8-bit ONNX models, written with a release and run without TensorFlow. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { JudgingDetector, OpenDetector } from '../../detector.ts';

type LightForm = Readonly<{
  write(spec: ModelSpec, weights: Float32Array): Promise<Uint8Array>;
  /** Each call of what it resolves to opens the model once more. */
  opener(spec: ModelSpec, light: Uint8Array): Promise<() => OpenDetector>;
}>;

const forms: Readonly<Record<string, LightForm>> = {
  'syscall-two-views/1': {
    write: async (spec, weights) => (await import('./two-views-light.ts')).exportTwoViews(spec, weights),
    opener: async (spec, light) => (await import('./two-views-light.ts')).twoViewsOpener(spec, light),
  },
  'syscall-gram-table/1': {
    write: async (spec, weights) => (await import('./gram-table-light.ts')).exportGramTable(spec, weights),
    opener: async (spec, light) => (await import('./gram-table-light.ts')).gramTableOpener(spec, light),
  },
  'syscall-lstm-lm/1': {
    write: async (spec, weights) => (await import('./language-model-light.ts')).exportLanguageModel(spec, weights),
    opener: async (spec, light) => {
      const { lightPredictionNetwork } = await import('./language-model-light.ts');
      const { openReader } = await import('../language-model/surprisal-reader.ts');
      return () => openReader(lightPredictionNetwork(spec, light));
    },
  },
  'syscall-lstm-autoencoder/1': {
    write: async (spec, weights) => (await import('./window-light.ts')).exportAutoencoder(spec, weights),
    opener: async (spec, light) => {
      const { autoencoderSizes } = await import('../windows/autoencoder-spec.ts');
      return windowsOpener(autoencoderSizes(spec).window, light);
    },
  },
  'syscall-lstm-vae/1': {
    write: async (spec, weights) => (await import('./window-light.ts')).exportVariational(spec, weights),
    opener: async (spec, light) => {
      const { variationalSizes } = await import('../windows/variational-spec.ts');
      return windowsOpener(variationalSizes(spec).window, light);
    },
  },
};

async function windowsOpener(window: number, light: Uint8Array): Promise<() => OpenDetector> {
  const { lightWindowNetwork } = await import('./window-light.ts');
  const { WindowReader } = await import('../windows/window-reader.ts');
  return () => new WindowReader(lightWindowNetwork(window, light));
}

/**
 * A release's light form; undefined for an architecture that has none. A pure function of its inputs. weights: flat; a
 * RangeError where they are not finite or of another length.
 */
export async function writeLightForm(spec: ModelSpec, weights: Float32Array): Promise<Uint8Array | undefined> {
  if (!weights.every(Number.isFinite)) throw new RangeError('light form: the weights are not all finite numbers');
  return forms[spec.architecture]?.write(spec, weights);
}

/**
 * What a light form judges with, in the place of a detector: opening it takes no weights, whatever is given. Throws a
 * RangeError where the architecture has none; opening throws where the bytes are no such model.
 */
export async function lightDetector(spec: ModelSpec, light: Uint8Array): Promise<JudgingDetector> {
  const form = forms[spec.architecture];
  if (form === undefined) throw new RangeError(`model spec: ${spec.architecture} has no light form; use its weights`);
  return { spec, open: await form.opener(spec, light) };
}
