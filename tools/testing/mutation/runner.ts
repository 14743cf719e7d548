/**
 * Vitest's runner, but each test is run once for each mutant that it reaches, in the same process: a run costs what the test
 * costs, not what loading it does. After a mutant that a test killed the test runs again without any: where it fails then, what the mutant
 * left behind is in its way, and the rest of the file waits for a fresh process.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunnerTestCase } from 'vitest';
import { VitestTestRunner } from 'vitest/runners';
import type { Line, Plan } from './log.ts';

type Namespace = {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, Record<string, number>> };
};
const shared = globalThis as { __stryker__?: Namespace };
shared.__stryker__ ??= {};
const switches = shared.__stryker__;
const { setTimeout, clearTimeout } = globalThis; // Tests put others in their place.
const nowMs = performance.now.bind(performance);

const folder = process.env.TESTUDO_MUTANTS ?? '';
const plan = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as Plan;
const say = (line: Line) => appendFileSync(join(folder, 'log.jsonl'), `${JSON.stringify(line)}\n`);

type Attempt = Readonly<{ kind: 'plain' | 'idle' } | { kind: 'mutant'; id: string; hits: number }>;

export default class MutantRunner extends VitestTestRunner {
  #killed = new Set<string>();
  #isSpoilt = false;
  #left: [string, number][] = [];
  #attempt: Attempt = { kind: 'plain' };
  #afterKill: string | undefined;
  #limitMs = 0;
  #tookMs = 0;

  override async onBeforeRunTask(test: RunnerTestCase): Promise<void> {
    await super.onBeforeRunTask(test);
    if (plan.kind !== 'ask' || test.mode === 'skip' || test.mode === 'todo') return;
    const work = plan.tests[test.id];
    this.#left = (work?.mutants ?? []).filter(([id]) => !this.#killed.has(id));
    this.#limitMs = work?.limitMs ?? 0;
    this.#afterKill = undefined;
    if (this.#left.length === 0 || this.#isSpoilt) test.mode = 'skip';
    else test.repeats = 2 * this.#left.length;
  }

  override onBeforeTryTask(test: RunnerTestCase): void {
    super.onBeforeTryTask(test);
    this.#attempt = this.#next(test);
    switches.currentTestId = plan.kind === 'reach' ? test.id : undefined;
    if (this.#attempt.kind !== 'mutant') return;
    const { id, hits } = this.#attempt;
    say({ kind: 'began', id, test: test.id });
    activate(id);
    switches.hitCount = 0;
    switches.hitLimit = hits * 100 + 1_000;
  }

  #next(test: RunnerTestCase): Attempt {
    if (plan.kind !== 'ask' || test.result?.repeatCount === undefined || this.#afterKill !== undefined)
      return { kind: 'plain' };
    const next = this.#isSpoilt ? undefined : this.#left.shift();
    return next === undefined ? { kind: 'idle' } : { kind: 'mutant', id: next[0], hits: next[1] };
  }

  async runTask(test: RunnerTestCase): Promise<void> {
    if (this.#attempt.kind === 'idle') return;
    const run = VitestTestRunner.getTestFn(test);
    const spent = spentMs();
    let stop = () => {};
    try {
      if (this.#attempt.kind === 'plain') await run();
      else {
        const late = lateness(this.#limitMs);
        stop = late.stop;
        await Promise.race([run(), late.comes]);
      }
    } finally {
      stop();
      this.#tookMs = spent();
    }
  }

  onAfterRetryTask(test: RunnerTestCase): void {
    activate(undefined);
    switches.hitCount = undefined;
    switches.currentTestId = undefined;
    const { result } = test;
    if (result === undefined) return;
    const isGreen = result.state === 'pass';
    const attempt = this.#attempt;
    if (plan.kind === 'reach') {
      if (isGreen) this.#sayReach(test);
      return;
    }
    if (attempt.kind === 'mutant') {
      if (!isGreen) this.#killed.add(attempt.id);
      const why = (result.errors?.[0]?.message ?? '').slice(0, 200);
      say(
        isGreen
          ? { kind: 'survived', id: attempt.id, test: test.id }
          : { kind: 'killed', id: attempt.id, test: test.id, why },
      );
      this.#afterKill = isGreen ? undefined : attempt.id;
    } else if (attempt.kind === 'plain') {
      if (!isGreen) {
        this.#isSpoilt = true;
        say({ kind: 'spoilt', test: test.id, by: this.#afterKill ?? '' });
      }
      this.#afterKill = undefined;
    }
    // What a mutant did is in the log; the run itself goes on.
    result.state = 'pass';
    delete result.errors;
  }

  #sayReach(test: RunnerTestCase): void {
    const hits = switches.mutantCoverage?.perTest[test.id] ?? {};
    say({ kind: 'reach', test: test.id, name: test.fullName, file: test.file.filepath, ms: this.#tookMs, hits });
  }

  override async onAfterRunSuite(suite: Parameters<VitestTestRunner['onAfterRunSuite']>[0]): Promise<void> {
    await super.onAfterRunSuite(suite);
    if (plan.kind !== 'reach' || !('filepath' in suite)) return;
    say({ kind: 'loaded', file: suite.file.filepath, ids: Object.keys(switches.mutantCoverage?.static ?? {}) });
  }
}

/** Rejects once `limitMs` have passed in which this process was not kept waiting for a processor: a busy machine kills no mutant. */
function lateness(limitMs: number): Readonly<{ comes: Promise<never>; stop: () => void }> {
  const spent = spentMs();
  let timer: NodeJS.Timeout | undefined;
  const comes = new Promise<never>((_, reject) => {
    const look = () => {
      const left = limitMs - spent();
      if (left <= 0) reject(new Error('mutant: took too long'));
      else timer = setTimeout(look, left + 1);
    };
    look();
  });
  return { comes, stop: () => clearTimeout(timer) };
}

/** Tells how much time has passed since in which this process was not kept waiting for a processor. */
function spentMs(): () => number {
  const [began, waited] = [nowMs(), waitedMs()];
  return () => Math.max(0, nowMs() - began - (waitedMs() - waited));
}

/** How long this process's main thread has waited for a processor so far: the second number of schedstat. Zero where nobody counts. */
function waitedMs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}

/** Threads and child processes that a test starts read it from the environment. */
function activate(id: string | undefined): void {
  switches.activeMutant = id;
  if (id === undefined) delete process.env.__STRYKER_ACTIVE_MUTANT__;
  else process.env.__STRYKER_ACTIVE_MUTANT__ = id;
}
