import { refuse } from '../../../base/fault.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Assignment, Subject } from '../../../proto/release/documents/catalogue.ts';
import { isReleaseName } from '../../../proto/release/documents/names.ts';
import type { State } from '../../ledger/state/state.ts';
import { channelMoved } from './channel-events.ts';
import { hasPassed, notPassed, runsLive } from './passed.ts';
import { channelOf, noChannel, type Planned, planned, servable, trackOf } from './planning.ts';

const channelsMax = 64;
const assignmentsMax = 1_000;

export function planSetChannel(
  state: State,
  request: Readonly<{ track: TrackId; channel: string; version: number; shadows?: string | null; reason: string }>,
): Planned {
  const { track: id, channel: name, version, reason } = request;
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing } = track.value;
  if (!isReleaseName(name)) return refuse('CHANNEL_INVALID', 'a channel is 1 to 63 of a-z, 0-9 and "-"');
  if (name === 'stable') return refuse('CHANNEL_RESERVED', 'stable moves by promote and rollback alone');
  const release = servable(releasing, id, version);
  if (!release.ok) return release;
  const known = channelOf(releasing, name);
  if (known === undefined && Object.keys(releasing.channels).length >= channelsMax) {
    return refuse('CHANNELS_EXHAUSTED', `track ${id} has ${channelsMax} channels, as many as may; remove one first`);
  }
  const shadows = request.shadows === undefined ? (known?.shadows ?? null) : request.shadows;
  if (shadows !== null) {
    const live = channelOf(releasing, shadows);
    if (live === undefined) return noChannel(id, shadows);
    if (live.shadows !== null || shadows === name) {
      return refuse('CHANNEL_INVALID', `${shadows} cannot be shadowed: its own members keep another channel live`);
    }
    const shadowed = Object.values(releasing.channels).some((other) => other.shadows === name);
    if (shadowed) return refuse('CHANNEL_INVALID', `${name} is shadowed by another channel: it must stay live itself`);
  }
  const { gate } = track.value.policy;
  if (gate !== undefined && name === 'canary' && shadows === null) {
    return refuse('CHANNEL_INVALID', 'canary runs in shadow as long as the track has a gate; let it shadow stable');
  }
  if (gate !== undefined && runsLive(name, shadows) && !hasPassed(releasing, version)) return notPassed(id, version);
  if (known?.version === version && known.shadows === shadows) {
    return refuse('NOTHING_TO_CHANGE', `${name} of ${id} points at version ${version} already`);
  }
  return planned([channelMoved(id, name, version, shadows, reason)], version);
}

export function planRemoveChannel(
  state: State,
  { track: id, channel, reason }: Readonly<{ track: TrackId; channel: string; reason: string }>,
): Planned {
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing } = track.value;
  if (channel === 'stable' || channel === 'canary') return refuse('CHANNEL_RESERVED', `${channel} stays`);
  const known = channelOf(releasing, channel);
  if (known === undefined) return noChannel(id, channel);
  if (state.metadata.assignments.some((one) => one.track === id && one.channel === channel)) {
    return refuse('CHANNEL_ASSIGNED', `clusters are assigned to ${channel} of ${id}; unassign them first`);
  }
  if (Object.values(releasing.channels).some(({ shadows }) => shadows === channel)) {
    return refuse('CHANNEL_ASSIGNED', `another channel of ${id} shadows ${channel}; remove that one first`);
  }
  return planned([{ kind: 'channelRemoved', track: id, channel, reason }], known.version);
}

export function planAssign(
  state: State,
  { track: id, channel, subject, reason }: Readonly<Assignment & { reason: string }>,
): Planned {
  const track = trackOf(state, id);
  if (!track.ok) return track;
  if (channelOf(track.value.releasing, channel) === undefined) return noChannel(id, channel);
  const others = state.metadata.assignments.filter((one) => one.track !== id || !isSame(one.subject, subject));
  if (others.length >= assignmentsMax) {
    return refuse('ASSIGNMENTS_EXHAUSTED', `there are ${assignmentsMax} assignments, as many as may; use labels`);
  }
  const [first] = state.metadata.assignments.filter((one) => one.track === id);
  if (first !== undefined && first.channel === channel && isSame(first.subject, subject)) {
    return refuse('NOTHING_TO_CHANGE', `that subject is assigned to ${channel} of ${id} already`);
  }
  return planned([{ kind: 'assignmentsSet', assignments: [{ track: id, channel, subject }, ...others], reason }], 0);
}

export function planUnassign(
  state: State,
  { track: id, subject, reason }: Readonly<{ track: TrackId; subject: Subject; reason: string }>,
): Planned {
  const { assignments } = state.metadata;
  const others = assignments.filter((one) => one.track !== id || !isSame(one.subject, subject));
  if (others.length === assignments.length) {
    return refuse('NOTHING_TO_CHANGE', `that subject is assigned to no channel of ${id}`);
  }
  return planned([{ kind: 'assignmentsSet', assignments: others, reason }], 0);
}

function isSame(a: Subject, b: Subject): boolean {
  return nameOfSubject(a) === nameOfSubject(b);
}

function nameOfSubject(subject: Subject): string {
  return 'cluster' in subject ? subject.cluster : `${subject.label.key}=${subject.label.value}`;
}
