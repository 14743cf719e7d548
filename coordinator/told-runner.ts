import { type Fault, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import type { Timer, Timers } from '../base/time.ts';
import type { AggregationRunner } from './candidate/job.ts';

/** How long nothing stale came before what came is told: a queue of thousands is gone through in less between two jobs. */
const quietMs = 2_000;

/** Says what became of each aggregation: where several workers run, which one did it. */
export function toldRunner(runner: AggregationRunner, log: Log, timers: Timers): AggregationRunner {
  const stale = new StaleJobs(log, timers);
  const failed = (fields: Readonly<{ track: string; round: string; id?: string }>, fault: Fault, said: string) => {
    if (fault.code === 'ROUND_KEY_LOST') stale.note(fields, fault);
    else log.warn({ ...fields, code: fault.code, cause: fault.message }, said);
  };
  return {
    async run(job, signal) {
      const { track, round } = job;
      const outcome = await runner.run(job, signal);
      if (outcome.ok) log.info({ track, round, candidate: outcome.value.candidate }, 'aggregation done');
      else failed({ track, round }, outcome.fault, 'aggregation failed');
      return outcome;
    },
    async runTile(tile, signal) {
      const outcome = (await runner.runTile?.(tile, signal)) ?? refuse('WORKER_LOST', 'this worker computes no tiles');
      const { track, round, id } = tile.job;
      if (outcome.ok) log.info({ track, round, id }, 'tile of distances done');
      else failed({ track, round, id }, outcome.fault, 'tile failed');
      return outcome;
    },
    prepare(values) {
      log.info({ valueCount: values }, 'warmed for a round that collects');
      runner.prepare?.(values);
    },
    async close(force) {
      await runner.close(force);
      stale.tell();
    },
  };
}

/** Jobs whose round has no key any more: a worker that comes late finds many, of rounds that have ended, and tells of them at once. */
class StaleJobs {
  readonly #log: Log;
  readonly #timers: Timers;
  #jobs = 0;
  #rounds = new Set<string>();
  #last: Readonly<{ track: string; round: string; code: string; cause: string }> | undefined;
  #timer: Timer | undefined;

  constructor(log: Log, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  note({ track, round }: Readonly<{ track: string; round: string }>, { code, message }: Fault): void {
    this.#jobs += 1;
    this.#rounds.add(`${track} ${round}`);
    this.#last = { track, round, code, cause: message };
    this.#timers.cancel(this.#timer);
    this.#timer = this.#timers.after(quietMs, () => this.tell(), { background: true });
  }

  tell(): void {
    this.#timers.cancel(this.#timer);
    if (this.#last === undefined) return;
    this.#log.warn(
      { jobCount: this.#jobs, roundCount: this.#rounds.size, ...this.#last },
      'jobs whose rounds have no key were left: they have ended, or this worker reads other keys than its coordinator',
    );
    this.#jobs = 0;
    this.#rounds = new Set();
    this.#last = undefined;
  }
}
