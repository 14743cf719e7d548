import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { SyscallDetectorName } from './detector-names.ts';
import { classTableSpec } from './gram-table/class-table.ts';
import { gramTableSpec } from './gram-table/gram-table.ts';
import { languageModelSpec, sizesWithArguments } from './language-model/language-model-spec.ts';
import type { WorkloadClasses } from './traces/workload-classes.ts';
import { twoViewsSpec } from './two-views/two-views-spec.ts';
import { autoencoderSpec } from './windows/autoencoder-spec.ts';
import { variationalSpec } from './windows/variational-spec.ts';

/** A detector of its own, rather than several together. */
export type SingleDetectorName = Exclude<SyscallDetectorName, 'ensemble'>;

/**
 * What a new detector of the syscall track is, for the workload classes of a federation. Loads no detector, and no TensorFlow.
 * `arguments`: the language model also reads and predicts the classes of paths and ports; the others never do.
 */
export function syscallSpec(
  name: SingleDetectorName,
  classes: WorkloadClasses,
  options: Readonly<{ arguments?: boolean }> = {},
): ModelSpec {
  switch (name) {
    case 'two-views':
      return twoViewsSpec(classes);
    case 'gram-table':
      return gramTableSpec(classes);
    case 'class-table':
      return classTableSpec(classes);
    case 'lstm-lm':
      return languageModelSpec(classes, options.arguments ? sizesWithArguments : undefined);
    case 'lstm-autoencoder':
      return autoencoderSpec(classes);
    case 'lstm-vae':
      return variationalSpec(classes);
  }
}
