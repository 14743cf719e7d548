import type { EpochMs } from '../../base/time.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import { approvedClasses } from '../../proto/declared-classes.ts';
import {
  type ClassName,
  type ClusterId,
  type Digest,
  type FederationId,
  numberOfRound,
  type RoundId,
  type TrackId,
} from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { openRoundOf, type Round, type State, type Track } from '../ledger/state/state.ts';
import { isInCohort, updateOf } from '../round/accepted-updates.ts';
import { trainingSeed } from '../round/cohort.ts';
import type { ModelRef } from '../round/phase.ts';
import type { TrainingPlan } from '../round/policy.ts';

/** What the coordinator wants of one cluster; grpc/ turns these into WatchResponse. */
export type Directive = Readonly<
  | {
      kind: 'invitation';
      federation: FederationId;
      track: TrackId;
      round: RoundId;
      base: ModelRef;
      modelBytes: number;
      spec: ModelSpec;
      schemaDigest: Digest;
      /** Base64, 32 bytes. */
      roundKey: string;
      closesAtMs: EpochMs;
      training: TrainingPlan;
      /** What of the trusted sample goes into training; null for nothing of it. */
      sample: Readonly<{ mix: number; digest: Digest; bytes: number }> | null;
      /** For everything random in this cluster's training. */
      seed: number;
      /** Of a model with blocks by class: those that this cluster may speak for, ascending. Otherwise empty. */
      approvedClasses: readonly ClassName[];
    }
  | {
      kind: 'closed';
      track: TrackId;
      round: RoundId;
      outcome: 'aggregating' | 'candidate' | 'abandoned';
      /** The round that a straggler may join next; null when none is planned. */
      nextRound: RoundId | null;
    }
>;

/** What a cluster should hear when it starts to watch: derived from the state, so that a reconnect misses nothing. */
export function currentDirectives(state: State, cluster: ClusterId, tracks: readonly TrackId[]): readonly Directive[] {
  return tracks.flatMap((id) => {
    const track = state.tracks.get(id);
    const round = track === undefined ? undefined : openRoundOf(track);
    if (track === undefined || round === undefined) return [];
    const invitation = invitationFor(state, track, round, cluster);
    return invitation === undefined ? [] : [invitation];
  });
}

/** The invitation of a cohort member that has not sent its update; undefined for everyone else. */
export function invitationFor(
  { federation, clusters }: State,
  { track, spec, schemaDigest, modelBytes, samples }: Track,
  { round, phase, policy }: Round,
  cluster: ClusterId,
): Directive | undefined {
  if (phase.kind !== 'collecting' || federation === null || !isInCohort(phase.cohort, cluster)) return undefined;
  if (updateOf(phase.accepted, cluster) !== undefined) return undefined;
  if (phase.expelled.some((other) => other.cluster === cluster)) return undefined;
  const known = new Set(classBlocksOf(spec)?.blocks.map(({ className }) => className));
  return {
    kind: 'invitation',
    federation,
    track,
    round,
    base: phase.base,
    modelBytes,
    spec,
    schemaDigest,
    roundKey: phase.roundKey,
    closesAtMs: phase.closesAtMs,
    training: policy.training,
    sample: mixedSample(policy, samples),
    seed: trainingSeed(phase.seed, cluster),
    approvedClasses: approvedClasses(clusters.get(cluster)?.labels ?? {}).filter((name) => known.has(name)),
  };
}

function mixedSample({ sample }: Round['policy'], samples: Track['samples']) {
  const put = samples.findLast(({ digest }) => digest === sample?.digest);
  if (put === undefined || sample === undefined || sample.mix === 0) return null;
  return { mix: sample.mix, digest: put.digest, bytes: put.bytes };
}

export function closedDirective(track: Track, { round, phase }: Round): Directive | undefined {
  const { kind } = phase;
  if (kind !== 'aggregating' && kind !== 'candidate' && kind !== 'abandoned') return undefined;
  return { kind: 'closed', track: track.track, round, outcome: kind, nextRound: joinNext(track, round) };
}

/** The round that a straggler of `after` may join next; null when none is open or planned. */
export function joinNext(track: Track, after: RoundId): RoundId | null {
  const open = openRoundOf(track);
  if (open !== undefined && numberOfRound(open.round) > numberOfRound(after) && open.phase.kind !== 'aggregating') {
    return open.round;
  }
  return track.policy.schedule === null ? null : (`r-${track.roundCount + 1}` as RoundId);
}
