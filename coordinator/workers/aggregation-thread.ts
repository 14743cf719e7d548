import { parentPort, workerData } from 'node:worker_threads';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import { twinEngine } from '../../aggregation/twin-engine.ts';
import type { Result } from '../../proto/fault.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import { type JobPlaces, runJob } from './run-job.ts';

export type ThreadRequest = Readonly<
  | { id: number; job: AggregationJob; secretKey: Uint8Array }
  /** A job on so many values comes soon: load what it will need. */
  | { prepare: number }
>;
export type ThreadAnswer = Readonly<{ id: number; result: Result<AggregationResult, RunFaultCode> }>;

/** Below this many values in all updates together, starting kernels costs more than the slow engine takes. */
const kernelValuesMin = 200_000;

const port = parentPort;
if (port === null) throw new Error('workers/aggregation-thread.ts runs as a worker thread');
const places = workerData as JobPlaces;
const twin = twinEngine();
let fast: Promise<AggregationEngine> | undefined;

port.on('message', (request: ThreadRequest) => {
  if ('prepare' in request) void engineFor(request.prepare);
  else void answer(request);
});

async function answer({ id, job, secretKey }: Exclude<ThreadRequest, { prepare: number }>): Promise<void> {
  const result = await runJob(job, secretKey, places, engineFor);
  port?.postMessage({ id, result } satisfies ThreadAnswer);
}

/** Both engines give the same bits: which one runs is a matter of time alone. The fast one stays warm. */
async function engineFor(values: number): Promise<AggregationEngine> {
  if (values < kernelValuesMin) return twin;
  fast ??= import('../../aggregation/fast-engine.ts').then(({ fastEngine }) => fastEngine());
  return fast;
}
