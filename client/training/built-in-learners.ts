import { refuse } from '../../proto/fault.ts';
import type { CreateLearner } from './learner.ts';

/** The learner of a spec's architecture; TensorFlow is loaded with the first one. */
export const createLearner: CreateLearner = async (spec, base) => {
  if (spec.architecture === 'syscall-lstm-lm/1') {
    const { languageModelLearner } = await import('./language-model-learner.ts');
    return languageModelLearner(spec, base);
  }
  return refuse(
    'ARCHITECTURE_UNKNOWN',
    `this build cannot train ${spec.architecture}; it knows syscall-lstm-lm/1: use a newer client or another track`,
  );
};
