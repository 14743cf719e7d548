import { refuse } from '../../proto/fault.ts';
import type { CreateLearner } from './learner.ts';

/** The learner of a spec's architecture. TensorFlow is loaded only by one that needs it. */
export const createLearner: CreateLearner = async (spec, base) => {
  switch (spec.architecture) {
    case 'syscall-gram-table/1': {
      const { gramTableLearner } = await import('./gram-table-learner.ts');
      return gramTableLearner(spec, base);
    }
    case 'syscall-lstm-lm/1': {
      const { languageModelLearner } = await import('./language-model-learner.ts');
      return languageModelLearner(spec, base);
    }
    default:
      return refuse(
        'ARCHITECTURE_UNKNOWN',
        `this build cannot train ${spec.architecture}; use a newer client or another track`,
      );
  }
};
