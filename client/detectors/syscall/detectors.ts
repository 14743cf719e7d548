import type { ModelSpec } from '../../../proto/model-spec.ts';
import { type Detector, meanSurprisal } from '../detector.ts';
import { autoencoderSizes, autoencoderSpec, initialAutoencoder, isAutoencoder } from './autoencoder.ts';
import { AutoencoderReader, trainAutoencoder } from './autoencoder-windows.ts';
import {
  evidenceOf,
  gramSurprisal,
  gramTableClasses,
  gramTableSpec,
  initialGramTable,
  isGramTable,
  trainGramTable,
} from './gram-table.ts';
import { initialLanguageModel, isLanguageModel, languageModelSpec } from './language-model.ts';
import { trainLanguageModel } from './language-model-training.ts';
import { SurprisalReader } from './surprisal-reader.ts';
import type { WorkloadClasses } from './workload-classes.ts';

/** The detectors of the syscall track by the names that configuration and `--detector` use. */
export const syscallDetectorNames = ['gram-table', 'lstm-lm', 'lstm-autoencoder'] as const;
export type SyscallDetectorName = (typeof syscallDetectorNames)[number];

/** What `npm run bench -- detection` found best. */
export const defaultSyscallDetector: SyscallDetectorName = 'gram-table';

/** Traces that a gram table's loss is measured on: it is for display only. */
const lossTracesMax = 100;

/** A detector of the syscall track for the workload classes of a federation. */
export function syscallDetector(name: SyscallDetectorName, classes: WorkloadClasses): Detector {
  switch (name) {
    case 'gram-table':
      return gramTable(gramTableSpec(classes));
    case 'lstm-lm':
      return languageModel(languageModelSpec(classes));
    case 'lstm-autoencoder':
      return autoencoder(autoencoderSpec(classes));
  }
}

/** The detector whose weights a spec describes; throws a RangeError for one that this version does not know. */
export function syscallDetectorOf(spec: ModelSpec): Detector {
  if (isGramTable(spec)) return gramTable(spec);
  if (isLanguageModel(spec)) return languageModel(spec);
  if (isAutoencoder(spec)) return autoencoder(spec);
  throw new RangeError(
    `model spec: the syscall track has no architecture ${spec.architecture}; it knows ${syscallDetectorNames.join(', ')}`,
  );
}

function gramTable(spec: ModelSpec): Detector {
  const classes = gramTableClasses(spec);
  const detector: Detector = {
    spec,
    init: () => initialGramTable(spec),
    // The base does not matter: the local weights are the evidence at hand, and the delta pulls the federation there.
    train(_base, traces) {
      const { weights, examples } = trainGramTable(spec, traces);
      return {
        weights,
        steps: 0,
        examples,
        loss: meanSurprisal(detector.open(weights), traces.slice(0, lossTracesMax)),
      };
    },
    open(weights) {
      const evidence = evidenceOf(spec, weights);
      return {
        surprisal: (traces) =>
          traces.map(({ calls, service }) => gramSurprisal(evidence, calls, classes.idOf(service))),
        close() {},
      };
    },
  };
  return detector;
}

function languageModel(spec: ModelSpec): Detector {
  return {
    spec,
    init: (seed) => initialLanguageModel(spec, seed),
    train: (base, traces, options) => trainLanguageModel(spec, base, traces, options),
    open(weights) {
      const reader = new SurprisalReader(spec, weights);
      return { surprisal: (traces) => reader.read(traces), close: () => reader.close() };
    },
  };
}

function autoencoder(spec: ModelSpec): Detector {
  autoencoderSizes(spec); // Throws here, not at the first round, when the spec is not readable.
  return {
    spec,
    init: (seed) => initialAutoencoder(spec, seed),
    train: (base, traces, options) => trainAutoencoder(spec, base, traces, options),
    open: (weights) => new AutoencoderReader(spec, weights),
  };
}
