import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Detector } from '../detectors/detector.ts';
import { syscallDetectorOf } from '../detectors/syscall/detectors.ts';
import type { Example } from './example.ts';
import type { Learner } from './learner.ts';

type Round = Readonly<{ examples: readonly Example[]; batchSize: number }>;

/**
 * Any detector as something that a round can train: its whole training is one step. It runs to its end without a pause,
 * at the lowest priority; detectors for which that takes long have a learner of their own.
 */
export function detectorLearner(
  spec: ModelSpec,
  base: Float32Array,
  { seed, stepsMax }: Readonly<{ seed: number; stepsMax: number }>,
): Result<Learner<Round, Example>, 'MODEL_UNUSABLE'> {
  let detector: Detector;
  try {
    detector = syscallDetectorOf(spec);
  } catch (error) {
    return refuse('MODEL_UNUSABLE', (error as Error).message);
  }
  let weights = base;
  let trained = false;
  return ok({
    *batches(examples, batchSize) {
      if (trained) return;
      trained = true;
      yield { examples, batchSize };
    },
    step({ examples, batchSize }, options) {
      const traces = examples.map(({ workload, calls }) => ({ service: workload, calls }));
      const result = detector.train(base, traces, { ...options, seed, steps: stepsMax, batchSize });
      weights = result.weights;
      return result.loss;
    },
    weights: () => weights.slice(),
    close: () => undefined,
  });
}
