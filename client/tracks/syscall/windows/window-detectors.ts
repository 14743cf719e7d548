/** The window models as detectors and as learners. All throw a RangeError for a spec that is not of this version. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Detector } from '../../detector.ts';
import { autoencoderModel, initialAutoencoder } from './autoencoder.ts';
import { initialVariational, variationalModel } from './variational-autoencoder.ts';
import { windowLearner } from './window-learner.ts';
import type { WindowModel } from './window-model.ts';
import { windowNetwork } from './window-network.ts';
import { WindowReader } from './window-reader.ts';
import { trainWindows } from './window-training.ts';

export function autoencoderDetector(spec: ModelSpec): Detector {
  return windowDetector(autoencoderModel(spec), (seed) => initialAutoencoder(spec, seed));
}

export function variationalDetector(spec: ModelSpec): Detector {
  return windowDetector(variationalModel(spec), (seed) => initialVariational(spec, seed));
}

/** base: shape [layout.length]. */
export function autoencoderLearner(spec: ModelSpec, base: Float32Array) {
  return windowLearner(autoencoderModel(spec), base);
}

/** base: shape [layout.length]. */
export function variationalLearner(spec: ModelSpec, base: Float32Array) {
  return windowLearner(variationalModel(spec), base);
}

function windowDetector(model: WindowModel, init: (seed: number) => Float32Array): Detector {
  return {
    spec: model.spec,
    init,
    train: (base, traces, options) => trainWindows(model, base, traces, options),
    open: (weights) => new WindowReader(windowNetwork(model, weights)),
  };
}
