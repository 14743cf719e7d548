import { refuse } from '../../../base/fault.ts';
import type { FederationId } from '../../../proto/ids.ts';
import type { AggregationRunner } from '../../candidate/job.ts';
import { parseJob, parseTile } from '../../candidate/job-shape.ts';
import { type Authenticated, authenticate, authenticated } from './authenticated.ts';
import { LastingWorker } from './lasting-worker.ts';
import type { RedisLink } from './redis-link.ts';
import { aggregationQueue } from './redis-runner.ts';

export type AggregationWorker = Readonly<{
  /** Finishes the job in hand, unless `force`. The link and the runner stay their owner's. */
  close(force?: boolean): Promise<void>;
}>;

/**
 * A worker that dies, or that an outage caught with a job in hand, holds it for 5 s at most. Short, since doing a job
 * twice is harmless; renewed in time, since nothing blocks the loop.
 */
const lockOptions = { lockDuration: 5_000, stalledInterval: 2_000, maxStalledCount: 100 } as const;

export type AggregationWorkerParts = Readonly<{
  link: RedisLink;
  federation: FederationId;
  runner: AggregationRunner;
  /** Undefined as long as the coordinator has made none. */
  queueKey: () => Promise<Uint8Array | undefined>;
  trouble: (code: string, message: string) => void;
}>;

/**
 * A `testudo worker`: takes aggregation jobs from the queue, one at a time. Nothing in the queue is believed: a job runs
 * only if the coordinator authenticated the whole of it, and its shape is checked. The work itself happens in `runner`'s
 * thread, so the loop stays free to renew the job's lock. What is final travels as an authenticated outcome; what may pass
 * is thrown, and the coordinator adds the job again.
 */
export function startAggregationWorker(parts: AggregationWorkerParts): AggregationWorker {
  const { link, federation, runner, trouble } = parts;
  const process = async ({ name, data }: { name: string; data: unknown }): Promise<Authenticated | null> => {
    const key = await parts.queueKey();
    if (key === undefined) throw new Error('the queue key is not there yet: start the coordinator once');
    if (name === 'warm') {
      const wanted = authenticated(key, { kind: 'warm' }, data) as { values: number } | undefined;
      if (wanted !== undefined) runner.prepare?.(wanted.values);
      return null;
    }
    const isTile = name === 'tile';
    const body = authenticated(key, { kind: isTile ? 'tile' : 'job' }, data);
    if (body === undefined) {
      trouble('JOB_FORGED', 'a job in the queue is not of our coordinator; look at who can write to Redis');
      throw new Error('JOB_FORGED: the job is not authenticated');
    }
    const outcome = await (isTile ? runTile(runner, body) : runJob(runner, body));
    const { mac } = data as Authenticated;
    if (outcome.ok || outcome.fault.code === 'AGGREGATION_REFUSED') {
      return authenticate(key, { kind: 'outcome', ofJob: mac }, outcome);
    }
    // Nobody else hears of it: the coordinator adds the job again, or runs it itself.
    if (outcome.fault.code === 'JOB_INVALID') trouble('JOB_INVALID', outcome.fault.message);
    throw new Error(`${outcome.fault.code}: ${outcome.fault.message}`);
  };
  const worker = new LastingWorker(aggregationQueue(federation), link, process, lockOptions);
  return { close: (force) => worker.close(force) };
}

async function runJob(runner: AggregationRunner, body: unknown) {
  const job = parseJob(body);
  return job.ok ? runner.run(job.value) : job;
}

async function runTile(runner: AggregationRunner, body: unknown) {
  const tile = parseTile(body);
  if (!tile.ok) return tile;
  return (await runner.runTile?.(tile.value)) ?? refuse('WORKER_LOST', 'this worker computes no tiles');
}
