import type { Detector } from '../detector.ts';
import { autoencoderSpec } from './autoencoder-spec.ts';
import type { SyscallDetectorName } from './detector-names.ts';
import { ensembleDetector } from './ensemble.ts';
import { gramTableSpec } from './gram-table.ts';
import { gramTableDetector } from './gram-table-detector.ts';
import { languageModelDetector } from './language-model-detector.ts';
import { languageModelSpec, sizesWithArguments } from './language-model-spec.ts';
import { variationalSpec } from './variational-spec.ts';
import { autoencoderDetector, variationalDetector } from './window-detectors.ts';
import type { WorkloadClasses } from './workload-classes.ts';

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
    case 'gram-table':
      return gramTableDetector(gramTableSpec(classes));
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
