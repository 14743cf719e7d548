import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../../base/fault.ts';
import { serveThread } from '../../base/thread-link.ts';
import { engineFor } from './engine-choice.ts';
import { inputKeysOf, openingsOf } from './input-keys.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import { computeCandidate } from './run-job.ts';

export type ReplayTask = Readonly<
  | { kind: 'keep'; job: AggregationJob; dataDir: string; secretKey: Uint8Array }
  | { kind: 'replay'; job: AggregationJob; dataDir: string; outDir: string; kept: Uint8Array }
>;

/** What a replay computed; nothing of it stays on disk. */
export type Recomputed = AggregationResult & Readonly<{ updateCount: number }>;

/** One task for one thread: its memory, secrets included, goes with it. */
serveThread<ReplayTask>((task) =>
  task.kind === 'keep' ? inputKeysOf(task.job, task.secretKey, task.dataDir) : replay(task),
);

async function replay({
  job,
  dataDir,
  outDir,
  kept,
}: Extract<ReplayTask, { kind: 'replay' }>): Promise<Result<Recomputed, RunFaultCode>> {
  for (const folder of ['blobs', 'partial', 'scratch']) {
    mkdirSync(join(outDir, folder), { recursive: true, mode: 0o700 });
  }
  const { openingOf, count } = openingsOf(job, kept);
  const computed = await computeCandidate(job, openingOf, { dataDir, outDir }, engineFor);
  return computed.ok ? { ok: true, value: { ...computed.value, updateCount: count } } : computed;
}
