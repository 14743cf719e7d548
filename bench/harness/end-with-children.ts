import { readdirSync, readFileSync } from 'node:fs';

/** As a shell says it of a process that a signal ended. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** From now on a signal that asks this process to end ends whatever it has started, too: servers and clients of a benchmark outlive nobody. */
export function endWithChildren(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      for (const pid of descendantsOf(process.pid)) killIfThere(pid);
      process.exit(exitCodes[signal]);
    });
  }
}

/** Children, theirs, and so on; those that were started first come first. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const found = [pid];
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child);
  return found.slice(1);
}

/** undefined where it has gone meanwhile. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {} // It ended by itself.
}
