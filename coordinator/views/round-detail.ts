import type { EpochMs } from '../../base/time.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { ClassFate, Provenance, UpdateFate } from '../candidate/provenance.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import { type ParticipationView, participationView, readProvenance } from './participation.ts';
import { type RoundView, roundView } from './rounds.ts';

/** What the rule knew of one update beside its fate; numbers are null where there is none. */
export type MeasuredPart = ParticipationView &
  Readonly<{
    /** ‖update − aggregate‖. */
    distance: number | null;
    /** Clusters whose updates were nearest to it, where the rule compares distances. */
    neighbours: readonly string[];
    acceptedAtMs: EpochMs | null;
    /** Where it stands to the others, in the plane that `map` speaks of. */
    place: NonNullable<UpdateFate['place']> | null;
  }>;

/** One round, with everything that speaks for or against each update. */
export type RoundDetail = Readonly<{
  summary: RoundView;
  reason: string;
  /** Why it was abandoned, in a sentence; empty where it was not. */
  abandonedDetail: string;
  rule: string;
  /** As the policy says it. */
  f: number;
  quorumCount: number;
  /** What the rule ran with; null before it did. */
  ran: Readonly<{ n: number; nAdmitted: number; fApplied: number; provenance: Digest }> | null;
  /** The highest score that was kept, and the lowest that was not; null where no score decides. */
  scores: Readonly<{ keptUpTo: number | null; leftOutFrom: number | null }>;
  classes: readonly ClassFate[];
  /** null where its record, of an earlier build, gives updates no places. */
  map: NonNullable<Provenance['map']> | null;
  parts: readonly MeasuredPart[];
}>;

export async function roundDetail(track: Track, round: Round, blobs: Pick<BlobStore, 'get'>): Promise<RoundDetail> {
  const { phase, policy, reason } = round;
  const { ran, map, fates, classes } = await readProvenance(blobs, round);
  const arrivals = new Map('accepted' in phase ? phase.accepted.map((one) => [one.cluster as string, one]) : []);
  const parts = [...participationView(round, fates)].map((part): MeasuredPart => {
    const fate = fates.get(part.cluster);
    return {
      ...part,
      distance: fate?.distance ?? null,
      neighbours: fate?.neighbours ?? [],
      place: fate?.place ?? null,
      acceptedAtMs: arrivals.get(part.cluster as never)?.acceptedAtMs ?? null,
    };
  });
  return {
    summary: roundView(track, round),
    reason,
    abandonedDetail: phase.kind === 'abandoned' ? phase.detail : '',
    rule: policy.aggregation.rule.kind,
    f: policy.aggregation.f,
    quorumCount: 'quorumUpdates' in phase ? phase.quorumUpdates : 0,
    ran: phase.kind === 'candidate' && ran !== null ? { ...ran, provenance: phase.provenance } : null,
    scores: scoresOf(fates.values()),
    classes,
    map,
    parts,
  };
}

function scoresOf(fates: Iterable<UpdateFate>): RoundDetail['scores'] {
  let keptUpTo: number | null = null;
  let leftOutFrom: number | null = null;
  for (const { verdict, score } of fates) {
    if (score === null) continue;
    if (verdict === 'selected') keptUpTo = Math.max(score, keptUpTo ?? score);
    else if (verdict === 'leftOut') leftOutFrom = Math.min(score, leftOutFrom ?? score);
  }
  return { keptUpTo, leftOutFrom };
}
