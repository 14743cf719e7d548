/** The detectors of the syscall track by the names that configuration and `--detector` use. */
export const syscallDetectorNames = [
  'two-views',
  'gram-table',
  'class-table',
  'lstm-lm',
  'lstm-autoencoder',
  'lstm-vae',
  'ensemble',
] as const;
export type SyscallDetectorName = (typeof syscallDetectorNames)[number];

/** What `npm run bench -- detection` found best. */
export const defaultSyscallDetector: SyscallDetectorName = 'two-views';
