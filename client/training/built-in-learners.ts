import type { CreateLearner } from './learner.ts';

/** The learner of a spec's architecture. TensorFlow is loaded only by one that needs it. */
export const createLearner: CreateLearner = async (spec, base, options) => {
  switch (spec.architecture) {
    case 'syscall-gram-table/1': {
      const { gramTableLearner } = await import('./gram-table-learner.ts');
      return gramTableLearner(spec, base);
    }
    case 'syscall-lstm-lm/1': {
      const { languageModelLearner } = await import('./language-model-learner.ts');
      return languageModelLearner(spec, base);
    }
    default: {
      const { detectorLearner } = await import('./detector-learner.ts');
      return detectorLearner(spec, base, options);
    }
  }
};
