import { aggregate } from '../../aggregation/aggregate.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import { type AggregationPolicy, checkPolicy } from '../../aggregation/policy.ts';
import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import { failpoint } from '../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { roundKeyPairOf, wipeKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { layoutOf } from '../../proto/layout.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { causeOfFailure } from './blame.ts';
import { CandidateSink } from './candidate-sink.ts';
import { type AggregationJob, type AggregationResult, inputsOf, type RunFaultCode } from './job.ts';
import { judging } from './judging.ts';
import { type OpenedUpdates, type OpeningOf, type OpenPlaces, openUpdates } from './opening/open-updates.ts';
import type { Workplace } from './places.ts';
import { provenanceOf } from './provenance.ts';
import { readLastAggregate } from './server-state.ts';
import { tiledDistances } from './tiles/run-tile.ts';

type AlgebraFor = (values: number) => Promise<LinearAlgebra>;

/**
 * From sealed files to a candidate: a pure function of the job, the blobs it names and the round's key. Runs where
 * blocking is allowed; `secretKey` is wiped at the end.
 */
export async function runJob(
  job: AggregationJob,
  secretKey: Uint8Array,
  places: Workplace,
  algebraFor: AlgebraFor,
): Promise<Result<AggregationResult, RunFaultCode>> {
  const pair = roundKeyPairOf(secretKey);
  try {
    return await computeCandidate(job, () => ok({ round: pair }), places, algebraFor);
  } finally {
    wipeKeyPair(pair);
    secretKey.fill(0);
  }
}

/** The same, with whatever opens the updates. */
export async function computeCandidate(
  job: AggregationJob,
  openingOf: OpeningOf,
  { blobs, out = blobs, ...places }: Workplace,
  /** For so many values in all updates together. */
  algebraFor: AlgebraFor,
): Promise<Result<AggregationResult, RunFaultCode>> {
  try {
    const base = await blobs.verify(job.base.digest);
    if (!base.ok) return refuse('BLOB_UNREADABLE', `the base model: ${base.fault.message}`);
    return await blobs.withLocalFiles(inputsOf(job), (path) =>
      fromFiles(job, openingOf, { path, verify: (digest) => blobs.verify(digest), out, ...places }, algebraFor),
    );
  } catch (error) {
    return causeOfFailure(error);
  }
}

async function fromFiles(
  job: AggregationJob,
  openingOf: OpeningOf,
  {
    out,
    sampleReader,
    kept,
    ...places
  }: OpenPlaces & Pick<Workplace, 'sampleReader' | 'kept'> & Readonly<{ out: BlobStore }>,
  algebraFor: AlgebraFor,
): Promise<Result<AggregationResult, RunFaultCode>> {
  const { path } = places;
  const layout = layoutOf(job.spec);
  const basePath = path(job.base.digest);
  const opened =
    kept === undefined || job.tiles === undefined
      ? await openUpdates(job, openingOf, places)
      : await kept.open(job, job.tiles.rows, openingOf, places);
  if (!opened.ok) return opened;
  const updates = opened.value;
  const held = [() => updates.release()];
  failpoint('updates-opened');
  try {
    const { blocks } = updates;
    if (blocks === undefined) {
      return refuse('AGGREGATION_REFUSED', `none of the ${job.updates.length} accepted updates can be opened`);
    }
    const statePath = job.optimiserState === null ? null : path(job.optimiserState);
    const startsFromLast = job.policy.rule.kind === 'centredClipping';
    const start = startsFromLast && statePath !== null ? readLastAggregate(statePath, layout.length) : undefined;
    const judged = await judging(job, { ...updates, blocks }, { path, sampleReader });
    if (!judged.ok) return judged;
    held.push(() => judged.value.close());
    const files = { out, basePath, statePath };
    const sink = new CandidateSink(job.optimiser, files, layout.length, startsFromLast);
    held.push(() => sink.abandon());
    const seed = canonicalBytes([job.federation, job.track, job.round, ...job.updates.map((u) => u.payloadDigest)]);
    const distances = tiledDistances(job, updates.opened, path);
    const aggregated = await aggregate(
      policyFor(job, updates),
      judged.value.blocks,
      await algebraFor(layout.length * updates.opened.length),
      sink,
      {
        ...{ slots: layout.slots, seed: digestOf(seed) },
        ...(job.withoutPlaces !== true && { places: digestOf(seed) }),
        ...(start && { start }),
        ...(distances && { distances }),
        ...judged.value.context,
      },
    );
    failpoint('aggregated');
    if (!aggregated.ok) {
      return refuse('AGGREGATION_REFUSED', explain(aggregated.fault, updates.unopened.length));
    }
    const written = await sink.finish(layout.length);
    if (written === undefined) {
      return refuse('AGGREGATION_REFUSED', 'the candidate would leave the range of float32; lower the learning rate');
    }
    failpoint('candidate-written');
    const provenance = provenanceOf(job, updates, aggregated.value.report, written);
    const writer = out.create();
    writer.write(canonicalBytes(provenance as unknown as JsonValue));
    const digest = await writer.commit();
    failpoint('provenance-written');
    return ok({ ...written, provenance: digest });
  } finally {
    for (const letGo of held.toReversed()) letGo();
  }
}

/**
 * An update whose very bytes, as signed, do not open shows a faulty sender, as one with NaN does: where the rest is too few
 * for f, f may fall by one for each (see `enoughRows` in aggregation/ for those with NaN). What we cannot read never gets
 * here.
 */
function policyFor({ policy }: AggregationJob, { opened, unopened }: OpenedUpdates): AggregationPolicy {
  const fMin = Math.max(0, policy.f - unopened.length);
  for (let f = policy.f; f > fMin; f--) {
    if (checkPolicy({ ...policy, f }, opened.length).length === 0) return { ...policy, f };
  }
  return { ...policy, f: fMin };
}

function explain({ code, message }: { code: string; message: string }, unopenedCount: number): string {
  return `${code}: ${message}${unopenedCount > 0 ? ` (${unopenedCount} more could not be opened)` : ''}`;
}
