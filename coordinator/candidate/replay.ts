import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { type Result, refuse } from '../../base/fault.ts';
import { siblingModule } from '../../base/sibling-module.ts';
import type { AggregationJob, RunFaultCode } from './job.ts';
import type { Recomputed, ReplayTask } from './replay-thread.ts';

/** What to keep of a round so that it can be computed again; see workers/input-keys.ts. Wipes `secretKey`. */
export async function inputKeys(
  job: AggregationJob,
  secretKey: Uint8Array,
  dataDir: string,
): Promise<Result<Uint8Array, RunFaultCode>> {
  try {
    return await inThread<Uint8Array>({ kind: 'keep', job, dataDir, secretKey });
  } finally {
    secretKey.fill(0);
  }
}

/**
 * Computes a job's candidate again from its sealed updates and their kept keys. It is written to a folder of its own,
 * which is removed: only digests come back. Wipes `kept`.
 */
export async function recompute(
  job: AggregationJob,
  kept: Uint8Array,
  dataDir: string,
  signal?: AbortSignal,
): Promise<Result<Recomputed, RunFaultCode>> {
  const outDir = join(dataDir, 'scratch', `replay.${job.id}.${process.pid}`);
  try {
    return await inThread<Recomputed>({ kind: 'replay', job, dataDir, outDir, kept }, signal);
  } finally {
    kept.fill(0);
    await rm(outDir, { recursive: true, force: true });
  }
}

async function inThread<Value>(task: ReplayTask, signal?: AbortSignal): Promise<Result<Value, RunFaultCode>> {
  const thread = new Worker(siblingModule(import.meta.url, 'replay-thread'), { workerData: task, env: SHARE_ENV });
  const { promise, resolve } = Promise.withResolvers<Result<Value, RunFaultCode>>();
  const lost = (why: string) => resolve(refuse('WORKER_LOST', `the replay's thread was lost (${why}); try again`));
  const onAbort = () => lost('nobody waits for it any more');
  thread.on('message', resolve);
  thread.on('error', ({ message }) => lost(message));
  thread.on('exit', () => lost('it has ended'));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await thread.terminate();
  }
}
