import { join } from 'node:path';
import type { Result } from '../../base/fault.ts';
import { serveThread } from '../../base/thread-link.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import { joinBlobStore } from '../blobs/store-settings.ts';
import { algebraFor } from './algebra-choice.ts';
import { inputKeysOf, openingsOf } from './input-keys.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import type { JobPlaces } from './places.ts';
import { computeCandidate } from './run-job.ts';

export type ReplayTask = Readonly<
  | { kind: 'keep'; job: AggregationJob; places: JobPlaces; secretKey: Uint8Array }
  | { kind: 'replay'; job: AggregationJob; places: JobPlaces; outDir: string; kept: Uint8Array }
>;

/** What a replay computed; nothing of it stays on disk. */
export type Recomputed = AggregationResult & Readonly<{ updateCount: number }>;

/** One task for one thread: its memory, secrets included, goes with it. */
serveThread<ReplayTask>((task) =>
  task.kind === 'keep' ? inputKeysOf(task.job, task.secretKey, joinBlobStore(task.places.blobs)) : replay(task),
);

async function replay({
  job,
  places: { blobs, ...places },
  outDir,
  kept,
}: Extract<ReplayTask, { kind: 'replay' }>): Promise<Result<Recomputed, RunFaultCode>> {
  const out = await openFileBlobStore(outDir); // Of this replay alone, removed with what it holds.
  const { openingOf, count } = openingsOf(job, kept);
  const computed = await computeCandidate(
    job,
    openingOf,
    { ...places, blobs: joinBlobStore(blobs), out, scratchDir: join(outDir, 'scratch') },
    algebraFor,
  );
  return computed.ok ? { ok: true, value: { ...computed.value, updateCount: count } } : computed;
}
