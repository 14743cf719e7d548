import { parentPort, workerData } from 'node:worker_threads';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import { twinEngine } from '../../aggregation/twin-engine.ts';
import type { Result } from '../../proto/fault.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import { type JobPlaces, runJob } from './run-job.ts';

export type ThreadRequest = Readonly<{ id: number; job: AggregationJob; secretKey: Uint8Array }>;
export type ThreadAnswer = Readonly<{ id: number; result: Result<AggregationResult, RunFaultCode> }>;

/** Below this many values in all updates together, starting kernels costs more than the slow engine takes. */
const kernelValuesMin = 200_000;

const port = parentPort;
if (port === null) throw new Error('workers/aggregation-thread.ts runs as a worker thread');
const places = workerData as JobPlaces;
const twin = twinEngine();
let fast: AggregationEngine | undefined;

if ((workerData as { warm?: boolean }).warm === true) await warmUp();
port.on('message', (request: ThreadRequest) => {
  void answer(request);
});
port.postMessage('ready');

async function answer({ id, job, secretKey }: ThreadRequest): Promise<void> {
  await warmUp(job.updates.length * 4 * 50_000 >= kernelValuesMin);
  const result = await runJob(job, secretKey, places, (values) => (values >= kernelValuesMin && fast ? fast : twin));
  port?.postMessage({ id, result } satisfies ThreadAnswer);
}

/** Both engines give the same bits: which one runs is a matter of time alone. Loaded only when it pays. */
async function warmUp(needed = true): Promise<void> {
  if (!needed || fast !== undefined) return;
  const { fastEngine } = await import('../../aggregation/fast-engine.ts');
  fast = fastEngine();
}
