import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import type { BreakerState, GateState } from '../../ledger/state/releasing.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { channelMoved, gateEvents, headBackEvents } from './channel-events.ts';
import { deadlineOf, decideGate, type GateAnswer, type GateQuestion, regretsOf, ripeOf } from './gate.ts';
import { isFrozen, membersOf } from './lineage.ts';
import { promotedBy } from './passed.ts';
import { servable } from './planning.ts';
import { reportedBefore } from './reported-before.ts';

/** The question of one version in front of the gate of its track; undefined where the track's policy has no gate. */
export function gateQuestion(
  state: State,
  { track, policy, releasing }: Track,
  gate: GateState,
  stableVersion: number,
  nowMs: EpochMs,
): GateQuestion | undefined {
  if (policy.gate === undefined) return undefined;
  return {
    gate,
    policy: policy.gate,
    f: policy.aggregation.f,
    canaries: membersOf(state, track, 'canary'),
    stableVersion,
    breakers: openBreakers(state, { releasing }, gate.version).map(({ cluster }) => cluster),
    before: reportedBefore(releasing, gate.version),
    nowMs,
  };
}

/** Clusters in good standing whose breakers a version opened, by name. */
export function openBreakers(
  { clusters }: Pick<State, 'clusters'>,
  { releasing }: Pick<Track, 'releasing'>,
  version: number,
): readonly (BreakerState & Readonly<{ cluster: ClusterId }>)[] {
  return Object.entries(releasing.breakers[version] ?? {})
    .map(([cluster, report]) => ({ ...report, cluster: cluster as ClusterId }))
    .filter(({ cluster, open }) => {
      const member = clusters.get(cluster);
      return open && member?.status === 'enrolled' && !member.quarantined;
    })
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

/** What the gate of a track has to say now: the decision on the version in front of it, or on the one it let through. */
export function gateEventsDue(state: State, track: Track, nowMs: EpochMs): readonly JournalEvent[] {
  if (isFrozen(state, track.track, nowMs)) return [];
  const answer = gateAnswer(state, track, nowMs);
  if (answer === undefined) return regretEvents(state, track, nowMs);
  return answer.verdict === 'waiting' ? [] : gateEvents(track, answer.version, answer.verdict, answer.reasons);
}

/** When the gate may have something to say without a further report. */
export function gateDueMs(track: Track, nowMs: EpochMs): EpochMs | undefined {
  const gate = openGateOf(track);
  const { policy } = track;
  if (gate === undefined || policy.gate === undefined) return undefined;
  const ripeMs = ripeOf(gate, policy.gate);
  return ripeMs > nowMs ? ripeMs : deadlineOf(gate, policy.gate);
}

function gateAnswer(
  state: State,
  track: Track,
  nowMs: EpochMs,
): (GateAnswer & Readonly<{ version: number }>) | undefined {
  const gate = openGateOf(track);
  const { stable } = track.releasing.channels;
  if (gate === undefined || stable === undefined) return undefined;
  const question = gateQuestion(state, track, gate, stable.version, nowMs);
  return question && { ...decideGate(question), version: gate.version };
}

function openGateOf({ releasing }: Track): GateState | undefined {
  const { canary, stable } = releasing.channels;
  if (canary === undefined || stable === undefined || canary.version <= stable.version) return undefined;
  const gate = releasing.gates[canary.version];
  return gate?.decision === null ? gate : undefined;
}

/**
 * What is written when canaries, whose reports go on after a promotion, turn against the version that the gate let
 * through by itself: it is rejected, and stable goes back to what was stable before. What operators let through against
 * the reports stays: they have seen them.
 */
function regretEvents(state: State, track: Track, nowMs: EpochMs): readonly JournalEvent[] {
  const { track: id, releasing } = track;
  const { stable, canary } = releasing.channels;
  if (stable === undefined) return [];
  const gate = releasing.gates[stable.version];
  if (gate === undefined || promotedBy(gate) !== 'gate') return [];
  const before = releasing.stableHistory.findLast((version) => version < stable.version);
  if (before === undefined || !servable(releasing, id, before).ok) return [];
  const question = gateQuestion(state, track, gate, before, nowMs);
  const regrets = question === undefined ? [] : regretsOf(question);
  if (regrets.length === 0) return [];
  const reason = `most canaries failed version ${stable.version} after the gate had promoted it`;
  const events: JournalEvent[] = [
    {
      kind: 'gateDecided',
      track: id,
      version: stable.version,
      decision: 'reject',
      reasons: [`ROLLED_BACK: ${reason}`, ...regrets],
    },
    channelMoved(id, 'stable', before, null, reason),
  ];
  if (canary?.version === stable.version) events.push(channelMoved(id, 'canary', before, canary.shadows, reason));
  return [...events, ...headBackEvents(track, stable.version, before, reason)];
}
