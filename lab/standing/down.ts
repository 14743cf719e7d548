import { setTimeout as pause } from 'node:timers/promises';
import { isStill, type Marked } from './process-mark.ts';
import { coordinatorName, type StandingState, writeState } from './standing-state.ts';

const lookMs = 50;
/** How long each may take before it is killed. A coordinator that drains takes up to its `drainSeconds`, 10 by default. */
const graceMs = 20_000;

export type Ended = Readonly<{ name: string; pid: number; how: 'ended' | 'killed' | 'was gone' }>;

/**
 * Ends the processes that are remembered in `folder`, all or those that `isMeant` says, and no other: one whose number belongs to
 * somebody else by now counts as gone. Clients first, so that none is left asking for a coordinator.
 */
export async function endAll(
  folder: string,
  state: StandingState,
  isMeant: (one: Marked) => boolean = () => true,
): Promise<readonly Ended[]> {
  const meant = state.processes.filter(isMeant);
  const clients = meant.filter(({ name }) => name !== coordinatorName);
  const coordinator = meant.filter(({ name }) => name === coordinatorName);
  const ended = [...(await Promise.all(clients.map(endOne))), ...(await Promise.all(coordinator.map(endOne)))];
  await writeState(folder, { ...state, processes: state.processes.filter((one) => !meant.includes(one)) });
  return ended;
}

/** Ends one process, if it is still the one that is remembered. */
export async function endOne({ name, ...marked }: Marked & Readonly<{ name: string }>): Promise<Ended> {
  const { pid } = marked;
  if (!signal(marked, 'SIGTERM')) return { name, pid, how: 'was gone' };
  for (let waitedMs = 0; waitedMs < graceMs; waitedMs += lookMs) {
    if (!isStill(marked)) return { name, pid, how: 'ended' };
    await pause(lookMs);
  }
  if (!signal(marked, 'SIGKILL')) return { name, pid, how: 'ended' };
  while (isStill(marked)) await pause(lookMs);
  return { name, pid, how: 'killed' };
}

/** False where it is there no more. */
function signal(marked: Marked, name: 'SIGTERM' | 'SIGKILL'): boolean {
  if (!isStill(marked)) return false;
  try {
    return process.kill(marked.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
