import { canonicalJson, type JsonValue } from '../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { layoutOf } from '../../proto/layout.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { AggregationJob, AggregationResult, RunFaultCode } from './job.ts';
import { inputOf, type Provenance } from './provenance.ts';

/**
 * Whether a result is of this job and of no other. It may come through a queue that others can write to, so nothing in
 * it is believed: the candidate must be stored and of the track's size, and its provenance must say of every field that
 * decides a candidate what the job said: of each update its cluster, digest, base, staleness and scale too. Workers run
 * authenticated jobs alone; this is what stands behind that. Gives the provenance.
 */
export async function checkResult(
  blobs: BlobStore,
  job: AggregationJob,
  { candidate, provenance, optimiserState }: AggregationResult,
): Promise<Result<Provenance, RunFaultCode>> {
  const size = await blobs.size(candidate);
  if (!size.ok || size.value !== layoutOf(job.spec).length * 4) return foreign(job, 'its candidate is not stored');
  const stored = await blobs.get(provenance);
  if (!stored.ok) return foreign(job, 'its provenance is not stored');
  const recorded = JSON.parse(Buffer.from(stored.value).toString('utf8')) as Provenance;
  const applied = recorded.updates.map(inputOf);
  const asked = job.updates.map(inputOf);
  const same =
    recorded.format === 'testudo/provenance/1' &&
    recorded.optimiserStateAfter === optimiserState &&
    text([
      recorded.federation,
      recorded.track,
      recorded.round,
      recorded.schemaDigest,
      recorded.base,
      recorded.policy,
      recorded.optimiser,
    ]) === text([job.federation, job.track, job.round, job.schemaDigest, job.base, job.policy, job.optimiser]) &&
    recorded.optimiserStateBefore === job.optimiserState &&
    recorded.sample === job.sample &&
    recorded.sampleHolds === job.sampleHolds &&
    text([recorded.candidate, applied, recorded.expelled]) ===
      text([{ version: job.candidateVersion, digest: candidate }, asked, job.expelled]);
  return same ? ok(recorded) : foreign(job, 'its provenance is of another job');
}

function text(value: unknown): string {
  return canonicalJson(value as JsonValue);
}

function foreign({ id }: AggregationJob, why: string) {
  return refuse('WORKER_LOST', `the result of ${id} is refused: ${why}; look at who can write to the queue`);
}
