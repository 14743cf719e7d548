import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * What tells a process from another one that later has its number: when it started, and where the system says it, in which
 * life of the machine. undefined where there is none of that number, or one that has ended and waits to be taken note of.
 */
export function markOf(pid: number): string | undefined {
  if (process.platform === 'linux') return markOfLinux(pid);
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : started;
  } catch {
    return undefined;
  }
}

function markOfLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold anything; the state is the next one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startedAt] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X' || startedAt === undefined) return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${startedAt}`;
  } catch {
    return undefined;
  }
}

/** A process of ours, as it is remembered. */
export type Marked = Readonly<{ pid: number; mark: string }>;

export function isStill({ pid, mark }: Marked): boolean {
  return markOf(pid) === mark;
}
