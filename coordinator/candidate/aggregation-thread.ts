import { parentPort, workerData } from 'node:worker_threads';
import type { Result } from '../../base/fault.ts';
import { engineFor } from './engine-choice.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import { type JobPlaces, runJob } from './run-job.ts';

export type ThreadRequest = Readonly<
  | { id: number; job: AggregationJob; secretKey: Uint8Array }
  /** A job on so many values comes soon: load what it will need. */
  | { prepare: number }
>;
export type ThreadAnswer = Readonly<{ id: number; result: Result<AggregationResult, RunFaultCode> }>;

const port = parentPort;
if (port === null) throw new Error('workers/aggregation-thread.ts runs as a worker thread');
const places = workerData as JobPlaces;

port.on('message', (request: ThreadRequest) => {
  if ('prepare' in request) void engineFor(request.prepare);
  else void answer(request);
});

async function answer({ id, job, secretKey }: Exclude<ThreadRequest, { prepare: number }>): Promise<void> {
  const result = await runJob(job, secretKey, places, engineFor);
  port?.postMessage({ id, result } satisfies ThreadAnswer);
}
