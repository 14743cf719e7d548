import type { AggregationReport, UpdateReport } from '../../aggregation/report.ts';
import type { Digest } from '../../proto/ids.ts';
import type { AggregationJob, JobUpdate } from './job.ts';
import type { OpenedUpdates } from './opening/open-updates.ts';

/** One accepted update's fate. Numbers are null where there is none. */
export type UpdateFate = Readonly<{
  cluster: string;
  payloadDigest: Digest;
  baseDigest: Digest;
  staleness: number;
  scale: number;
  /** The workload classes that it spoke for; absent where it declared none. */
  classes?: JobUpdate['classes'];
  /** Of a region's update: the provenance that says who went into it, as its relay signed it; absent otherwise. */
  provenance?: JobUpdate['provenance'];
  verdict: UpdateReport['verdict'];
  code: string;
  reason: string;
  norm: number | null;
  share: number | null;
  score: number | null;
  /** Clusters whose updates are nearest to it, where the rule compares distances. */
  neighbours: readonly string[];
  cosine: number | null;
  distance: number | null;
  tensors: readonly Readonly<{ name: string; part: number }>[];
  /** Where it stands to the others (aggregation/places); absent where it was refused, and in records of earlier builds. */
  place?: UpdateReport['place'];
  /** How the trusted sample's loss changes along it, where the rule looked; below 0 it teaches what the sample holds. */
  onSample?: UpdateReport['onSample'];
}>;

/** How one class was aggregated: who declared it, who of them was not counted, how many liars among them it withstands. */
export type ClassFate = Readonly<{
  class: string;
  covered: boolean;
  holders: readonly string[];
  leftOut: readonly string[];
  f: number;
  text: string;
}>;

/**
 * Where a candidate comes from: a function of the same inputs as the candidate itself, so a replay gives the same
 * bytes. Stored as canonical JSON; its digest stands in the journal.
 */
export type Provenance = Readonly<{
  format: 'testudo/provenance/1';
  federation: string;
  track: string;
  round: string;
  schemaDigest: Digest;
  base: AggregationJob['base'];
  candidate: AggregationJob['base'];
  policy: AggregationJob['policy'];
  optimiser: AggregationJob['optimiser'];
  /** The trusted sample that the round went by; absent where it had none. */
  sample?: Digest;
  /** The sample was counted as one update more: `n` counts it, `updates` lists those of clusters alone. */
  sampleHolds?: true;
  optimiserStateBefore: Digest | null;
  optimiserStateAfter: Digest | null;
  /** Rows the rule was given and admitted; the f it was asked for is in `policy`, this is the f it ran with. */
  n: number;
  nAdmitted: number;
  fApplied: number;
  before: AggregationReport['before'];
  convergence: AggregationReport['convergence'];
  /** What the aggregate did to the trusted sample's loss, where the rule looked at it. */
  onSample?: AggregationReport['onSample'];
  /** How each class was aggregated, where the rule went by declared classes. */
  classes?: readonly ClassFate[];
  /** The plane in which updates have their places; absent in records of earlier builds. */
  map?: AggregationReport['map'];
  /** Every accepted update, in the order of payload digests. */
  updates: readonly UpdateFate[];
  /** Accepted updates of clusters that lost their good standing before the round closed. */
  expelled: AggregationJob['expelled'];
}>;

/** In the place of a cluster's name, which has no brackets, where the sample is counted as one update more. */
const theSample = '(trusted sample)';

export function provenanceOf(
  job: AggregationJob,
  { opened, unopened }: OpenedUpdates,
  report: AggregationReport,
  written: Readonly<{ candidate: Digest; optimiserState: Digest | null }>,
): Provenance {
  const named = (row: number) => opened[row]?.cluster ?? theSample;
  const ofClusters = report.updates.filter(({ row }) => row < opened.length);
  const rows = ofClusters.map((fate): UpdateFate => {
    const { row, verdict, reason, neighbours, norm, share, score, cosine, distance, tensors, place, onSample } = fate;
    return {
      ...inputOf(opened[row] as JobUpdate),
      verdict,
      code: reason.code,
      reason: reason.text,
      norm,
      share,
      score,
      neighbours: neighbours.map(named),
      cosine,
      distance,
      tensors,
      ...(place && { place }),
      ...(onSample && { onSample }),
    };
  });
  const shut = unopened.map(({ update, code, message }): UpdateFate => {
    const numbers = { norm: null, share: null, score: null, cosine: null, distance: null };
    return { ...inputOf(update), verdict: 'refused', code, reason: message, ...numbers, neighbours: [], tensors: [] };
  });
  return {
    format: 'testudo/provenance/1',
    federation: job.federation,
    track: job.track,
    round: job.round,
    schemaDigest: job.schemaDigest,
    base: job.base,
    candidate: { version: job.candidateVersion, digest: written.candidate },
    policy: job.policy,
    optimiser: job.optimiser,
    ...(job.sample && { sample: job.sample }),
    ...(job.sampleHolds && { sampleHolds: job.sampleHolds }),
    optimiserStateBefore: job.optimiserState,
    optimiserStateAfter: written.optimiserState,
    n: report.n,
    nAdmitted: report.nAdmitted,
    fApplied: report.fApplied,
    before: report.before,
    convergence: report.convergence,
    ...(report.onSample && { onSample: report.onSample }),
    ...(report.map && { map: report.map }),
    ...(report.classes && {
      classes: report.classes.map((each) => ({
        ...each,
        holders: each.holders.map(named),
        leftOut: each.leftOut.map(named),
      })),
    }),
    updates: [...rows, ...shut].sort((a, b) => (a.payloadDigest < b.payloadDigest ? -1 : 1)),
    expelled: job.expelled,
  };
}

/** What an update weighed, 1 being as much as one among equals; null where the rule gave no shares. */
export function weightOf({ share }: Pick<UpdateFate, 'share'>, nAdmitted: number): number | null {
  return share === null ? null : share * nAdmitted;
}

type UpdateInput = Pick<
  UpdateFate,
  'cluster' | 'payloadDigest' | 'baseDigest' | 'staleness' | 'scale' | 'classes' | 'provenance'
>;

/** What a candidate depends on of one update: said by the job, repeated by the provenance. */
export function inputOf(update: UpdateInput) {
  const { cluster, payloadDigest, baseDigest, staleness, scale, classes, provenance } = update;
  const declared = { ...(classes && { classes }), ...(provenance && { provenance }) };
  return { cluster, payloadDigest, baseDigest, staleness, scale, ...declared };
}
