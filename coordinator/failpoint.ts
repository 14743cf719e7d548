/**
 * Named places at which a test may kill this process, the hard way: TESTUDO_FAILPOINT=<name>, or <name>:<n> for the
 * n-th time it is passed. Without the variable a failpoint costs one comparison.
 */
export const failpoints = [
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

export type Failpoint = (typeof failpoints)[number];

const [armed, count] = (process.env.TESTUDO_FAILPOINT ?? '').split(':');
let remaining = Number(count ?? 1);

export function failpoint(name: Failpoint): void {
  if (armed !== name || --remaining > 0) return;
  process.kill(process.pid, 'SIGKILL');
  for (;;); // The signal is on its way; nothing after this point may happen.
}
