import type { TrackId } from '../../../proto/ids.ts';
import type { GateDecision, JournalEvent } from '../../ledger/journal/events.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { descendsFrom, isFrozen, membersOf, newestInLine } from './lineage.ts';

/** What is written when a version becomes stable: the floor follows to what was stable before, one step behind. */
export function stableEvents(track: Track, version: number, reason: string): JournalEvent[] {
  const { releasing, track: id, headVersion } = track;
  const before = releasing.channels.stable?.version;
  const events: JournalEvent[] = [
    { kind: 'channelMoved', track: id, channel: 'stable', version, shadows: null, reason },
  ];
  if (before !== undefined && before < version && before > releasing.floor && !releasing.revoked.includes(before)) {
    events.push({ kind: 'floorRaised', track: id, floor: before });
    for (const [name, { version: at, shadows }] of Object.entries(releasing.channels)) {
      if (name !== 'stable' && at < before) events.push(channelMoved(id, name, before, shadows, 'the floor has risen'));
    }
  }
  // What is stable is what training goes on from, unless it is a step further on that line already. So a version that
  // comes back, after a rollback or a hold, takes the next round with it; what was built meanwhile is given up.
  if (!descendsFrom(releasing, headVersion, version)) events.push({ kind: 'headMoved', track: id, version, reason });
  return events;
}

/** What is written when the gate holds or rejects: training goes on from what is stable. */
export function gateEvents(
  track: Track,
  version: number,
  decision: GateDecision,
  reasons: readonly string[],
): JournalEvent[] {
  const { track: id, releasing } = track;
  const decided: JournalEvent = { kind: 'gateDecided', track: id, version, decision, reasons };
  if (decision === 'promote') return [decided, ...stableEvents(track, version, 'the gate promoted it')];
  const reason = `the gate ${decision === 'hold' ? 'held' : 'rejected'} version ${version}`;
  const events = [decided, ...headBackEvents(track, version, releasing.channels.stable?.version, reason)];
  const { canary, stable } = releasing.channels;
  if (decision === 'reject' && canary?.version === version && stable !== undefined) {
    events.push(channelMoved(id, 'canary', stable.version, canary.shadows, reason));
  }
  return events;
}

/** Training leaves the line of a version that is not to be built upon. */
export function headBackEvents(track: Track, version: number, to: number | undefined, reason: string): JournalEvent[] {
  if (to === undefined || to === track.headVersion) return [];
  if (!descendsFrom(track.releasing, track.headVersion, version)) return [];
  return [{ kind: 'headMoved', track: track.track, version: to, reason }];
}

/**
 * What channels do by themselves, one track at a time: the first version is stable at once; each later one of the line
 * goes to canary, and straight on to stable where there is neither a gate nor a canary cluster. Nothing in a freeze.
 */
export function movesOf(state: State, track: Track, nowMs: number): JournalEvent[] {
  const { track: id, releasing, policy } = track;
  const { stable, canary } = releasing.channels;
  const newest = newestInLine(track);
  if (newest === undefined) return [];
  const { version } = newest;
  if (stable === undefined) {
    const reason = 'the first release of the track';
    return [channelMoved(id, 'stable', version, null, reason), channelMoved(id, 'canary', version, 'stable', reason)];
  }
  if (isFrozen(state, id, nowMs) || canary === undefined) return [];
  if (version <= canary.version || newest.publishedSeq < canary.movedSeq) return [];
  const reason = 'the newest candidate';
  const superseded = Object.values(releasing.gates).filter(
    (gate) => gate.decision === null && gate.version < version && gate.version > stable.version,
  );
  const events: JournalEvent[] = superseded.map((gate) => ({
    kind: 'gateDecided',
    track: id,
    version: gate.version,
    decision: 'hold',
    reasons: [
      `SUPERSEDED: version ${version} came before it was decided: rounds are faster than the gate. Open them further apart, or lower gate.minutesMin`,
    ],
  }));
  events.push(channelMoved(id, 'canary', version, canary.shadows, reason));
  if (policy.gate === undefined && membersOf(state, id, 'canary').length === 0 && version > stable.version) {
    events.push(...stableEvents(track, version, 'there is neither a gate nor a canary cluster'));
  }
  return events;
}

export function channelMoved(
  track: TrackId,
  channel: string,
  version: number,
  shadows: string | null,
  reason: string,
): JournalEvent {
  return { kind: 'channelMoved', track, channel, version, shadows, reason };
}
