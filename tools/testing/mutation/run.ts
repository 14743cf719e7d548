import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Line, Plan } from './log.ts';

/** `folder` holds sources/, with mutants in them; plan.json and log.jsonl are between the runner and whoever runs it. */
export type Place = Readonly<{ checkout: string; folder: string }>;

/**
 * A process that says nothing for longer than any of its tests may take, and so long besides, hangs in the mutant that it began last.
 * What it and what it started were kept waiting for a processor does not count: a busy machine kills no mutant.
 */
const silentMsMax = 5_000;
const lookEveryMs = 5_000;

/**
 * Runs the test files by the plan, and gives what the runner noted. All that the run started ends with it: a mutant may keep a process
 * from ending, and a process that nobody waits for any more spins on for days.
 */
export async function run({ checkout, folder }: Place, plan: Plan, files: readonly string[]): Promise<readonly Line[]> {
  const log = join(folder, 'log.jsonl');
  writeFileSync(log, '');
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  const main = join(checkout, 'node_modules/vitest/vitest.mjs');
  const child = spawn(process.execPath, [main, 'run', '--config', join(import.meta.dirname, 'vitest.config.ts')], {
    ...{ cwd: checkout, detached: true, stdio: 'ignore' },
    env: { ...process.env, TESTUDO_MUTANTS: folder, TESTUDO_MUTANT_TESTS: files.join(',') },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const guard = guardOf(child);
  takeOver(child);
  const limits = plan.kind === 'ask' ? Object.values(plan.tests).map(({ limitMs }) => limitMs) : [];
  const silence = new Silence(silentMsMax + Math.max(0, ...limits));
  const watch = setInterval(() => {
    // Before its first line it starts, which takes as long as the machine is busy.
    if (plan.kind === 'ask' && silence.isTooLong(statSync(log).size, child)) endGroup(child);
  }, lookEveryMs);
  await ended;
  clearInterval(watch);
  endGroup(child);
  guard.kill('SIGKILL');
  const lines = readFileSync(log, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Ends the child and all that it started once this process is gone, however that ends: its end closes what the guard reads. */
function guardOf({ pid }: ChildProcess): ChildProcess {
  const waits = 'while read -r line; do :; done; kill -s KILL -- "-$1"';
  return spawn('/bin/sh', ['-c', waits, 'guard', String(pid)], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What has passed since the log last grew. */
class Silence {
  #size = 0;
  #since = { ms: 0, waitedMs: 0 };
  readonly #msMax: number;

  constructor(msMax: number) {
    this.#msMax = msMax;
  }

  isTooLong(size: number, { pid }: ChildProcess): boolean {
    const now = { ms: Date.now(), waitedMs: pid === undefined ? 0 : groupWaitedMs(pid) };
    if (size !== this.#size) {
      this.#size = size;
      this.#since = now;
    }
    return size > 0 && now.ms - this.#since.ms - (now.waitedMs - this.#since.waitedMs) > this.#msMax;
  }
}

/** How long the threads of a process group have waited for a processor so far, all together, those that there are now. */
function groupWaitedMs(group: number): number {
  let waitedMs = 0;
  for (const pid of readdirSync('/proc')) {
    // proc_pid_stat(5), counted from the state: 2 is the group.
    if (!/^\d+$/.test(pid) || Number(statOf(pid)[2]) !== group) continue;
    for (const thread of threadsOf(pid)) waitedMs += Number(thread.split(' ')[1]) / 1e6;
  }
  return waitedMs;
}

/** The schedstat of each thread; none where it has ended meanwhile. */
function threadsOf(pid: string): readonly string[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'));
  } catch {
    return [];
  }
}

function statOf(pid: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // It has ended meanwhile.
  }
}

/** A session of its own has a scheduling group of its own, and would else not be as nice as its parent was told to be. */
function takeOver({ pid }: ChildProcess): void {
  try {
    const nice = /nice (-?\d+)/.exec(readFileSync('/proc/self/autogroup', 'utf8'))?.[1];
    if (nice !== undefined) writeFileSync(`/proc/${pid}/autogroup`, nice);
  } catch {
    // There is none to take over.
  }
}
