import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** Where and with what a result was measured; kept beside every figure. */
export type Machine = Readonly<{
  cpu: string;
  cores: number;
  memoryGiB: number;
  os: string;
  node: string;
  commit: string;
}>;

/** This machine and this checkout. `commit` ends in `+changes` where the working tree differs from it in more than results. */
export function describeMachine(): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? os.arch(),
    cores: cpus.length,
    memoryGiB: Math.round((os.totalmem() / 2 ** 30) * 10) / 10,
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    commit: currentCommit(),
  };
}

function currentCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    // What benchmarks write themselves, piece by piece, says nothing of what they were measured with.
    const measured = [':/', ':(top,exclude)bench/results', ':(top,exclude)docs/benchmarks'];
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', ...measured) !== '';
    return git('rev-parse', '--short=12', 'HEAD') + (changed ? '+changes' : '');
  } catch {
    return 'no git checkout'; // A tarball has no history; the figures are still worth keeping.
  }
}

/**
 * How many cores' worth of CPU time everybody else has used since the call: near 0 the figures are the contender's own;
 * well above, measure again. Undefined where the system has no /proc/stat. `childMs` is the CPU
 * time of processes that we started.
 */
export function startOthersMeter(): (childMs?: number) => number | undefined {
  const startedAt = performance.now();
  const startedBusyMs = busyMs();
  const startedOwn = process.cpuUsage();
  return (childMs = 0) => {
    const nowBusyMs = busyMs();
    if (startedBusyMs === undefined || nowBusyMs === undefined) return undefined;
    const own = process.cpuUsage(startedOwn);
    const othersMs = nowBusyMs - startedBusyMs - (own.user + own.system) / 1000 - childMs;
    return Math.max(0, Math.round((othersMs / (performance.now() - startedAt)) * 100) / 100);
  };
}

/** CPU time the machine has spent on anything but idling or waiting for I/O; a tick is 10 ms on Linux. */
function busyMs(): number | undefined {
  try {
    const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '')
      .trim()
      .split(/\s+/)
      .slice(1, 9)
      .map(Number);
    const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
    return (fields.reduce((sum, ticks) => sum + ticks, 0) - idle) * 10;
  } catch {
    return undefined;
  }
}

/** Peak resident memory of this process so far, bytes. */
export function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
