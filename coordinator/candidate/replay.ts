import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SHARE_ENV } from 'node:worker_threads';
import { type Result, refuse } from '../../base/fault.ts';
import { startThread } from '../../base/thread-link.ts';
import type { AggregationJob, RunFaultCode } from './job.ts';
import type { JobPlaces } from './places.ts';
import type { Recomputed, ReplayTask } from './replay-thread.ts';
import type { StudyResult, StudyTask } from './study/study-thread.ts';

/** What to keep of a round so that it can be computed again; see candidate/input-keys.ts. Wipes `secretKey`. */
export async function inputKeys(
  job: AggregationJob,
  secretKey: Uint8Array,
  places: JobPlaces,
): Promise<Result<Uint8Array, RunFaultCode>> {
  try {
    return await inThread<Uint8Array>({ kind: 'keep', job, places, secretKey });
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
  places: JobPlaces,
  signal?: AbortSignal,
): Promise<Result<Recomputed, RunFaultCode>> {
  const outDir = join(places.scratchDir, `replay.${job.id}.${process.pid}`);
  try {
    return await inThread<Recomputed>({ kind: 'replay', job, places, outDir, kept }, signal);
  } finally {
    kept.fill(0);
    await rm(outDir, { recursive: true, force: true });
  }
}

/** Tries attacks on a job's updates, opened by their kept keys: numbers alone come back. Wipes `kept`. */
export async function study(
  task: Omit<StudyTask, 'outDir'>,
  signal?: AbortSignal,
): Promise<Result<StudyResult, RunFaultCode>> {
  const outDir = join(task.places.scratchDir, `study.${task.job.id}.${process.pid}`);
  try {
    return await inThread<StudyResult>(
      { ...task, outDir },
      signal,
      new URL('./study/study-thread.ts', import.meta.url),
    );
  } finally {
    task.kept.fill(0);
    await rm(outDir, { recursive: true, force: true });
  }
}

async function inThread<Value>(
  task: ReplayTask | StudyTask,
  signal?: AbortSignal,
  module = new URL('./replay-thread.ts', import.meta.url),
): Promise<Result<Value, RunFaultCode>> {
  const thread = startThread<ReplayTask | StudyTask>(module, { env: SHARE_ENV });
  const unwanted = Promise.withResolvers<never>();
  const onAbort = () => unwanted.reject(new Error('nobody waits for it any more'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    return await Promise.race([thread.ask<Result<Value, RunFaultCode>>(task), unwanted.promise]);
  } catch (error) {
    return refuse('WORKER_LOST', `the replay's thread was lost (${(error as Error).message}); try again`);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await thread.close();
  }
}
