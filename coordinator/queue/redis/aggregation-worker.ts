import type { FederationId } from '../../../proto/ids.ts';
import type { AggregationJob, AggregationRunner } from '../../candidate/job.ts';
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

/**
 * A `testudo worker`: takes aggregation jobs from the queue, one at a time. The work itself happens in `runner`'s
 * thread, so the loop stays free to renew the job's lock. What is final travels as a result; what may pass is thrown,
 * and the coordinator adds the job again.
 */
export function startAggregationWorker(
  link: RedisLink,
  federation: FederationId,
  runner: AggregationRunner,
): AggregationWorker {
  const process = async ({ data }: { data: unknown }) => {
    const outcome = await runner.run(data as AggregationJob);
    if (outcome.ok || outcome.fault.code === 'AGGREGATION_REFUSED') return outcome;
    throw new Error(`${outcome.fault.code}: ${outcome.fault.message}`);
  };
  const worker = new LastingWorker(aggregationQueue(federation), link, process, lockOptions);
  return { close: (force) => worker.close(force) };
}
