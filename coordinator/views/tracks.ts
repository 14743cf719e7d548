import type { EpochMs } from '../../base/time.ts';
import type { Digest, RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { TrackSample } from '../ledger/journal/events.ts';
import { openRoundOf, type State, type Track } from '../ledger/state/state.ts';
import { rulesOf, type TrackPolicy } from '../round/policy.ts';
import { hasRelays, relayRule } from '../round/relay-rule.ts';
import type { PlannedRound } from '../round/schedule/planned-rounds.ts';
import { silenceWarning } from '../round/silence.ts';
import { enrolledCount } from '../rounds/presence.ts';
import { lacksSample } from '../rounds/samples.ts';

/** A global model, by everything that names it. */
export type ModelView = Readonly<{
  track: TrackId;
  version: number;
  digest: Digest;
  schemaDigest: Digest;
  sizeBytes: number;
}>;

export type TrackView = Readonly<{
  track: TrackId;
  spec: ModelSpec;
  schemaDigest: Digest;
  policy: TrackPolicy;
  reason: string;
  /** What the next round starts from. */
  model: ModelView | undefined;
  openRound: RoundId | null;
  /** null where no schedule opens one. */
  nextRoundAtMs: EpochMs | null;
  /** The trusted sample in force. */
  sample: TrackSample | undefined;
}>;

/** Every track, by name. `planned`: what the schedules will open, soonest first. */
export function tracksView({ tracks }: Pick<State, 'tracks'>, planned: readonly PlannedRound[]): readonly TrackView[] {
  const nextAtMs = new Map<TrackId, EpochMs>();
  for (const { track, atMs } of planned) if (!nextAtMs.has(track)) nextAtMs.set(track, atMs);
  const sorted = [...tracks.values()].sort((a, b) => (a.track < b.track ? -1 : 1));
  return sorted.map((track) => ({
    track: track.track,
    spec: track.spec,
    schemaDigest: track.schemaDigest,
    policy: track.policy,
    reason: track.reason,
    model: modelView(track, track.headVersion),
    openRound: openRoundOf(track)?.round ?? null,
    nextRoundAtMs: nextAtMs.get(track.track) ?? null,
    sample: track.samples.at(-1),
  }));
}

/** Undefined when the track has no such version. */
export function modelView(track: Track, version: number): ModelView | undefined {
  const model = track.models[version];
  if (model === undefined) return undefined;
  const { track: id, schemaDigest, modelBytes: sizeBytes } = track;
  return { track: id, version, digest: model.digest, schemaDigest, sizeBytes };
}

/** What speaks against a track's policy in this federation; a sentence each. */
export function trackWarnings(state: State, known: Track): readonly string[] {
  const { track, policy } = known;
  const lacking = lacksSample(known);
  const silence = silenceWarning(track, rulesOf(policy), policy.aggregation.f, enrolledCount(state));
  const regions = hasRelays(state.clusters.values()) ? relayRule(policy.aggregation) : undefined;
  return [
    ...(lacking === undefined ? [] : [`${track}: no round opens: ${lacking}`]),
    ...(silence === undefined ? [] : [silence]),
    ...(regions === undefined ? [] : [`${track}: ${regions.text}`]),
  ];
}
