import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Detector } from '../../detector.ts';
import { initialLanguageModel } from './language-model.ts';
import { languageModelSizes } from './language-model-spec.ts';
import { trainLanguageModel } from './language-model-training.ts';
import { predictionNetwork } from './prediction-network.ts';
import { openReader } from './surprisal-reader.ts';

/** The next-call language model as a detector. Throws a RangeError for a spec that is not one of this version. */
export function languageModelDetector(spec: ModelSpec): Detector {
  languageModelSizes(spec); // Throws here, not at the first round.
  return {
    spec,
    init: (seed) => initialLanguageModel(spec, seed),
    train: (base, traces, options) => trainLanguageModel(spec, base, traces, options),
    open: (weights) => openReader(predictionNetwork(spec, weights)),
  };
}
