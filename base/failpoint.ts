/**
 * Named places at which a test may kill this process, the hard way: TESTUDO_FAILPOINT=<name> in the environment. Without
 * it a failpoint costs one look at the environment. These are the ones that every round passes.
 */
export const roundFailpoints = [
  'round-key-stored',
  'round-open-journalled',
  'round-invited',
  'update-stored',
  'update-journalled',
  'round-close-journalled',
  'aggregation-started',
  'updates-opened',
  'aggregated',
  'optimiser-state-written',
  'candidate-written',
  'provenance-written',
  'candidate-journalled',
  'round-key-destroyed',
  'key-destruction-journalled',
  'partials-dropped',
  'snapshot-saved',
] as const;

/** What becomes of a candidate passes these. */
type ReleaseFailpoint = 'release-journalled' | 'release-set-stored' | 'release-set-journalled' | 'gate-decided';

/** Where an agent may die that is about to change a pod, has just changed one, or quarantines it. */
type ResponseFailpoint =
  | 'evidence-written'
  | 'quarantine-begun'
  | 'pod-patch-decided'
  | 'pod-patched'
  | 'pod-eviction-decided'
  | 'pod-evicted';

export type Failpoint = (typeof roundFailpoints)[number] | ReleaseFailpoint | ResponseFailpoint;

export function failpoint(name: Failpoint): void {
  // Read each time: a test arms it when the right moment has come, also for threads that run already.
  if (process.env.TESTUDO_FAILPOINT !== name) return;
  process.kill(process.pid, 'SIGKILL');
  for (;;); // The signal is on its way; nothing after this point may happen.
}
