import type { Detector } from '../detector.ts';
import type { SyscallDetectorName } from './detector-names.ts';
import { classTableDetector, classTableSpec } from './gram-table/class-table.ts';
import { gramTableSpec } from './gram-table/gram-table.ts';
import { gramTableDetector } from './gram-table/gram-table-detector.ts';
import { languageModelDetector } from './language-model/language-model-detector.ts';
import { languageModelSpec, sizesWithArguments } from './language-model/language-model-spec.ts';
import { ensembleDetector } from './scoring/ensemble.ts';
import type { WorkloadClasses } from './traces/workload-classes.ts';
import { twoViewsDetector } from './two-views/two-views-detector.ts';
import { twoViewsSpec } from './two-views/two-views-spec.ts';
import { autoencoderSpec } from './windows/autoencoder-spec.ts';
import { variationalSpec } from './windows/variational-spec.ts';
import { autoencoderDetector, variationalDetector } from './windows/window-detectors.ts';

/**
 * A new detector of the syscall track for the workload classes of a federation. Loads them all, TensorFlow included.
 * `arguments`: the language model also reads and predicts the classes of paths and ports; the others never do.
 */
export function syscallDetector(
  name: SyscallDetectorName,
  classes: WorkloadClasses,
  options: Readonly<{ arguments?: boolean }> = {},
): Detector {
  switch (name) {
    case 'two-views':
      return twoViewsDetector(twoViewsSpec(classes));
    case 'gram-table':
      return gramTableDetector(gramTableSpec(classes));
    case 'class-table':
      return classTableDetector(classTableSpec(classes));
    case 'lstm-lm':
      return languageModelDetector(languageModelSpec(classes, options.arguments ? sizesWithArguments : undefined));
    case 'lstm-autoencoder':
      return autoencoderDetector(autoencoderSpec(classes));
    case 'lstm-vae':
      return variationalDetector(variationalSpec(classes));
    case 'ensemble':
      return ensembleDetector([syscallDetector('gram-table', classes), syscallDetector('lstm-lm', classes)]);
  }
}
