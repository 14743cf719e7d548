import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { BlobStore } from '../../../coordinator/blobs/blob-store.ts';
import type {
  AggregationJob,
  AggregationResult,
  AggregationRunner,
  RunFaultCode,
} from '../../../coordinator/candidate/job.ts';
import { inputOf, type Provenance } from '../../../coordinator/candidate/provenance.ts';
import type { KeyStore } from '../../../coordinator/keys/key-store.ts';
import { layoutOf } from '../../../proto/layout.ts';
import { faultsForMs } from '../plan.ts';
import type { Draws } from '../world/draws.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { dawnMs } from '../world/world.ts';

type Parts = Readonly<{
  blobs: BlobStore;
  keyStore: KeyStore;
  process: SimulatedProcess;
  draws: Draws;
  /** Told of every job as it begins. */
  began: (job: AggregationJob) => void;
}>;

/**
 * In the place of the real aggregation: a candidate that is a hash of what decides it. It needs what the real one needs
 * (the round's key, every sealed update whole), takes its time, and loses its worker now and then.
 */
export function simulatedRunner({ blobs, keyStore, process, draws, began }: Parts): AggregationRunner {
  const run = async (job: AggregationJob): Promise<Result<AggregationResult, RunFaultCode>> => {
    began(job);
    const slowest =
      process.world.nowMs < dawnMs + faultsForMs && draws.chance('aggregation slow', 0.15) ? 29 * 60_000 : 90_000;
    const takesMs = draws.between('aggregation', 20, slowest);
    await new Promise<void>((resolve) => process.timers.after(takesMs, resolve));
    if (draws.chance('aggregation lost', 0.05)) return refuse('WORKER_LOST', 'the worker died');
    if ((await keyStore.get(job.keyName)) === undefined) return refuse('ROUND_KEY_LOST', 'its key is gone');
    for (const { payloadDigest } of job.updates) {
      const stored = await blobs.verify(payloadDigest);
      if (!stored.ok) return refuse('BLOB_UNREADABLE', `${payloadDigest}: ${stored.fault.message}`);
    }
    const candidate = await blobs.put(candidateOf(job));
    if (!candidate.ok) return unkept(candidate.fault.message);
    const provenance = await blobs.put(Buffer.from(canonicalJson(provenanceOf(job, candidate.value) as never)));
    if (!provenance.ok) return unkept(provenance.fault.message);
    return ok({ candidate: candidate.value, provenance: provenance.value, optimiserState: null });
  };
  return { run, close: async () => {} };
}

/** Everything that decides a candidate (I4), as text. */
export function inputsOf({ base, policy, optimiser, optimiserState, updates, expelled }: AggregationJob): string {
  const inputs = { base, policy, optimiser, optimiserState, updates: updates.map(inputOf), expelled };
  return canonicalJson(inputs as unknown as JsonValue);
}

/** The bytes that stand for the weights of this job's candidate. */
export function candidateOf(job: AggregationJob): Uint8Array {
  const bytes = Buffer.alloc(layoutOf(job.spec).length * 4);
  const hashed = createHash('sha512').update(inputsOf(job)).digest();
  hashed.copy(bytes);
  return bytes;
}

function provenanceOf(job: AggregationJob, digest: AggregationResult['candidate']): Provenance {
  const numbers = { norm: 1, share: 1 / job.updates.length, score: null, cosine: null, distance: null };
  const fate = { verdict: 'selected', code: 'TAKES_PART', reason: 'simulated', neighbours: [], tensors: [] } as const;
  return {
    format: 'testudo/provenance/1',
    federation: job.federation,
    track: job.track,
    round: job.round,
    schemaDigest: job.schemaDigest,
    base: job.base,
    candidate: { version: job.candidateVersion, digest },
    policy: job.policy,
    optimiser: job.optimiser,
    optimiserStateBefore: job.optimiserState,
    optimiserStateAfter: null,
    n: job.updates.length,
    nAdmitted: job.updates.length,
    fApplied: job.policy.f,
    before: [],
    convergence: null,
    updates: job.updates.map((update) => ({ ...inputOf(update), ...fate, ...numbers })),
    expelled: job.expelled,
  };
}

function unkept(message: string) {
  return refuse('DISK_FULL', message);
}
