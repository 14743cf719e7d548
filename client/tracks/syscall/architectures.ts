/**
 * The architectures of the syscall track, each loaded when a spec names it and not before: a cluster whose model counts
 * calls never loads TensorFlow.
 */
import { type Result, refuse } from '../../../base/fault.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Detector } from '../detector.ts';
import type { Learner } from '../learner.ts';
import type { LearnerOptions } from '../track-kind.ts';
import type { Example } from './traces/example.ts';

type Architecture = Readonly<{
  /** Throws a RangeError for a spec of another version. */
  detector(spec: ModelSpec): Promise<Detector>;
  learner(
    spec: ModelSpec,
    base: Float32Array,
    options: LearnerOptions,
  ): Promise<Result<Learner<unknown, Example>, 'MODEL_UNUSABLE'>>;
}>;

const architectures: Readonly<Record<string, Architecture>> = {
  'syscall-two-views/1': {
    detector: async (spec) => (await import('./two-views/two-views-detector.ts')).twoViewsDetector(spec),
    learner: async (spec, base) => (await import('./two-views/two-views-learner.ts')).twoViewsLearner(spec, base),
  },
  'syscall-gram-table/1': {
    detector: async (spec) => (await import('./gram-table/gram-table-detector.ts')).gramTableDetector(spec),
    learner: async (spec, base) => (await import('./gram-table/gram-table-learner.ts')).gramTableLearner(spec, base),
  },
  'syscall-gram-table/2': {
    detector: async (spec) => (await import('./gram-table/class-table.ts')).classTableDetector(spec),
    learner: async (spec, base, { classes = [] }) =>
      (await import('./gram-table/class-table-learner.ts')).classTableLearner(spec, base, classes),
  },
  'syscall-lstm-lm/1': {
    detector: async (spec) => (await import('./language-model/language-model-detector.ts')).languageModelDetector(spec),
    learner: async (spec, base) =>
      (await import('./language-model/language-model-learner.ts')).languageModelLearner(spec, base),
  },
  'syscall-lstm-autoencoder/1': {
    detector: async (spec) => (await import('./windows/window-detectors.ts')).autoencoderDetector(spec),
    learner: async (spec, base) => (await import('./windows/window-detectors.ts')).autoencoderLearner(spec, base),
  },
  'syscall-lstm-vae/1': {
    detector: async (spec) => (await import('./windows/window-detectors.ts')).variationalDetector(spec),
    learner: async (spec, base) => (await import('./windows/window-detectors.ts')).variationalLearner(spec, base),
  },
  'syscall-ensemble/1': {
    detector: async (spec) => {
      const { ensembleDetector, ensembleMembers } = await import('./scoring/ensemble.ts');
      return ensembleDetector(await Promise.all(ensembleMembers(spec).map(openDetector)));
    },
    learner: async (spec, base, options) => {
      const { ensembleMembers } = await import('./scoring/ensemble.ts');
      const { ensembleLearner } = await import('./scoring/ensemble-learner.ts');
      return ensembleLearner(ensembleMembers(spec), base, (member, part) => openSyscallLearner(member, part, options));
    },
  },
};

export const syscallArchitectures: readonly string[] = Object.keys(architectures);

/** The detector whose weights a spec describes; throws a RangeError for one that this version does not know. */
export async function openDetector(spec: ModelSpec): Promise<Detector> {
  const known = architectures[spec.architecture];
  if (known === undefined) throw new RangeError(unknown(spec));
  return known.detector(spec);
}

/** What trains a spec's weights in a round. base: shape [layout.length]. */
export async function openSyscallLearner(
  spec: ModelSpec,
  base: Float32Array,
  options: LearnerOptions,
): Promise<Result<Learner<unknown, Example>, 'MODEL_UNUSABLE'>> {
  const known = architectures[spec.architecture];
  if (known === undefined) return refuse('MODEL_UNUSABLE', unknown(spec));
  try {
    return await known.learner(spec, base, options);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse('MODEL_UNUSABLE', error.message);
  }
}

function unknown({ architecture }: ModelSpec): string {
  return `model spec: the syscall track has no architecture ${architecture}; it knows ${syscallArchitectures.join(', ')}`;
}
