import type { Detector } from '../detector.ts';
import type { SyscallDetectorName } from './detector-names.ts';
import { type SingleDetectorName, syscallSpec } from './detector-specs.ts';
import { classTableDetector } from './gram-table/class-table.ts';
import { gramTableDetector } from './gram-table/gram-table-detector.ts';
import { languageModelDetector } from './language-model/language-model-detector.ts';
import { ensembleDetector } from './scoring/ensemble.ts';
import type { WorkloadClasses } from './traces/workload-classes.ts';
import { twoViewsDetector } from './two-views/two-views-detector.ts';
import { autoencoderDetector, variationalDetector } from './windows/window-detectors.ts';

const detectors = {
  'two-views': twoViewsDetector,
  'gram-table': gramTableDetector,
  'class-table': classTableDetector,
  'lstm-lm': languageModelDetector,
  'lstm-autoencoder': autoencoderDetector,
  'lstm-vae': variationalDetector,
} as const satisfies Readonly<Record<SingleDetectorName, unknown>>;

/** A new detector of the syscall track: `detector-specs.ts` says what it is. Loads them all, TensorFlow included. */
export function syscallDetector(
  name: SyscallDetectorName,
  classes: WorkloadClasses,
  options: Readonly<{ arguments?: boolean }> = {},
): Detector {
  if (name === 'ensemble')
    return ensembleDetector([syscallDetector('gram-table', classes), syscallDetector('lstm-lm', classes)]);
  return detectors[name](syscallSpec(name, classes, options));
}
