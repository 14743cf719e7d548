import { unwrap } from '../../../../base/fault.ts';
import { checkSpec, type ModelSpec } from '../../../../proto/model-spec.ts';

/** A small model: twelve values in two tensors. */
export function sampleSpec(): ModelSpec {
  return unwrap(
    checkSpec({
      architecture: 'syscall-lstm-lm/1',
      hyperparameters: { window: 8, rate: 0.25, name: 'é', tied: true },
      tensors: [
        { name: 'a/kernel', shape: [2, 5] },
        { name: 'a/bias', shape: [2] },
      ],
    }),
  );
}
