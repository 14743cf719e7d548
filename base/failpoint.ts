/**
 * Named places at which a test may kill this process, the hard way: TESTUDO_FAILPOINT=<name> in the environment. With
 * "<name> <signal>" it sends itself that signal, once, and goes on; with "<name> <signal> <pid>" another process gets it,
 * such as the server that this one is just talking to. Without it a failpoint costs one look at the environment. These are
 * the ones that every round passes.
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

/** Where an agent may die that is about to change a pod or has just changed one, with what rotation puts back apart. */
export const rotationFailpoints = [
  'pod-patch-decided',
  'pod-patched',
  'pod-eviction-decided',
  'pod-evicted',
  'put-back-decided',
  'put-back-done',
] as const;

/** Where an agent may die that writes down a quarantine. */
type QuarantineFailpoint = 'evidence-written' | 'quarantine-begun' | 'quarantine-forgotten' | 'verdict-written';

/** Where a node's helper may die that freezes a pod. */
type FreezerFailpoint = 'freeze-written' | 'frozen';

/** Where a door may die: bytes stored, nothing decided. */
type DoorFailpoint = 'door-stored';

type ResponseFailpoint = (typeof rotationFailpoints)[number] | QuarantineFailpoint | FreezerFailpoint;

export type Failpoint = (typeof roundFailpoints)[number] | ReleaseFailpoint | ResponseFailpoint | DoorFailpoint;

export function failpoint(name: Failpoint): void {
  // Read each time: a test arms it when the right moment has come, also for threads that run already.
  const armed = process.env.TESTUDO_FAILPOINT;
  if (armed === undefined) return;
  const [at, signal, pid] = armed.split(' ');
  if (at !== name) return;
  if (signal === undefined) {
    process.kill(process.pid, 'SIGKILL');
    for (;;); // The signal is on its way; nothing after this point may happen.
  }
  delete process.env.TESTUDO_FAILPOINT;
  process.kill(pid === undefined ? process.pid : Number(pid), signal);
}
