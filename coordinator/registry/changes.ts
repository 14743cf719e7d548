import { type Fault, ok, type Result, refuse } from '../../proto/fault.ts';
import type { ClusterId, TrackId } from '../../proto/ids.ts';
import type { Assignment, Subject } from '../../proto/release/catalogue.ts';
import { isReleaseName } from '../../proto/release/names.ts';
import type { Actor, JournalEvent } from '../journal/events.ts';
import { nameOf } from '../state/name-of.ts';
import { type GateState, type Release, releaseOf, type TrackReleasing } from '../state/releasing.ts';
import type { State, Track } from '../state/state.ts';
import { servableVersions } from './catalogue-of.ts';
import { channelMoved, gateEvents, headBackEvents, stableEvents } from './channel-events.ts';
import type { RegistryFaultCode } from './registry.ts';

/** What a change wants written, and the version it chose. Pure functions of the state: a dry run is one of these alone. */
export type Plan = Readonly<{ events: readonly JournalEvent[]; version: number }>;
type Planned = Result<Plan, RegistryFaultCode>;

const channelsMax = 64;
const assignmentsMax = 1_000;

export function planPromote(
  state: State,
  request: Readonly<{ track: TrackId; version?: number; channel?: string; reason: string }>,
): Planned {
  const track = trackOf(state, request.track);
  if (!track.ok) return track;
  const { releasing, policy } = track.value;
  const name = request.channel ?? 'stable';
  const version = request.version ?? releasing.channels.canary?.version;
  if (version === undefined) return refuse('VERSION_NOT_FOUND', `track ${request.track} has no release yet`);
  const release = servable(releasing, request.track, version);
  if (!release.ok) return release;
  const channel = channelOf(releasing, name);
  if (channel === undefined) return noChannel(request.track, name);
  if (version === channel.version) {
    return refuse('NOTHING_TO_CHANGE', `${name} of ${request.track} points at version ${version} already`);
  }
  if (version < channel.version) {
    return refuse('VERSION_NOT_NEWER', `${name} points at ${channel.version}: roll back to go to version ${version}`);
  }
  if (name !== 'stable') {
    return planned([channelMoved(request.track, name, version, channel.shadows, request.reason)], version);
  }
  if (policy.gate !== undefined && !hasPassed(releasing, version)) return notPassed(request.track, version);
  return planned(stableEvents(track.value, version, request.reason), version);
}

export function planRollBack(
  state: State,
  { track: id, version: wanted, reason }: Readonly<{ track: TrackId; version?: number; reason: string }>,
): Planned {
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing, policy } = track.value;
  const { stable } = releasing.channels;
  if (stable === undefined) return refuse('VERSION_NOT_FOUND', `track ${id} has no release yet`);
  const legal = servableVersions(releasing);
  const version =
    wanted ??
    releasing.stableHistory.findLast((before) => before < stable.version && legal.includes(before)) ??
    legal.findLast((before) => before < stable.version);
  if (version === undefined) {
    return refuse(
      'BELOW_FLOOR',
      `nothing below version ${stable.version} may run: the floor of ${id} is ${releasing.floor}; ` +
        'pin clusters below it, with the signed exception',
    );
  }
  const release = servable(releasing, id, version);
  if (!release.ok) return release;
  if (version >= stable.version) {
    return refuse('NOTHING_TO_CHANGE', `stable of ${id} points at ${stable.version}; promote to go to ${version}`);
  }
  if (policy.gate !== undefined && !hasPassed(releasing, version)) return notPassed(id, version);
  const moved = channelMoved(id, 'stable', version, null, reason);
  return planned([moved, ...headBackEvents(track.value, stable.version, version, reason)], version);
}

/** Channels that point at the version go to the newest legal one before it; with none, they point at nothing. */
export function planRevoke(
  state: State,
  { track: id, version, reason }: Readonly<{ track: TrackId; version: number; reason: string }>,
): Planned {
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing } = track.value;
  if (releaseOf(releasing, version) === undefined) return noVersion(id, version);
  if (releasing.revoked.includes(version)) {
    return refuse('NOTHING_TO_CHANGE', `version ${version} of ${id} is revoked already`);
  }
  const legal = servableVersions(releasing).filter((other) => other !== version);
  const wasStable = releasing.stableHistory.filter((other) => legal.includes(other));
  const stableAfter =
    releasing.channels.stable?.version !== version
      ? releasing.channels.stable?.version
      : (wasStable.findLast((other) => other < version) ??
        legal.findLast((other) => other < version) ??
        wasStable.at(-1));
  const events: JournalEvent[] = [{ kind: 'releaseRevoked', track: id, version, reason }];
  for (const [name, { version: at, shadows }] of Object.entries(releasing.channels)) {
    if (at !== version) continue;
    const to = name === 'stable' ? stableAfter : (legal.findLast((other) => other < version) ?? stableAfter);
    if (to !== undefined) events.push(channelMoved(id, name, to, shadows, `version ${version} was revoked: ${reason}`));
  }
  if (releasing.gates[version]?.decision === null) {
    events.push({ kind: 'gateDecided', track: id, version, decision: 'reject', reasons: [`REVOKED: ${reason}`] });
  }
  events.push(...headBackEvents(track.value, version, stableAfter, `version ${version} was revoked`));
  return planned(events, version);
}

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

export function planOverride(
  state: State,
  actor: Actor,
  request: Readonly<{ track: TrackId; version: number; decision: 'promote' | 'reject'; reason: string }>,
): Planned {
  const { track: id, version, decision, reason } = request;
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing, policy } = track.value;
  const gate = releasing.gates[version];
  if (gate === undefined || gate.decision?.decision === 'promote') {
    return refuse('GATE_NOT_OPEN', `version ${version} of ${id} is in front of no gate`);
  }
  const { stable } = releasing.channels;
  if (decision === 'promote' && stable !== undefined && version <= stable.version) {
    return refuse('VERSION_NOT_NEWER', `stable of ${id} points at ${stable.version} already`);
  }
  const release = servable(releasing, id, version);
  if (!release.ok && decision === 'promote') return release;
  const alike = gate.approvals.filter((approval) => approval.decision === decision);
  const by = nameOf(actor);
  if (alike.some((approval) => approval.by === by)) {
    return refuse('APPROVAL_REPEATED', `${by} has approved this already: another operator must`);
  }
  // To reject is the safe side: one operator is enough.
  const needed = decision === 'promote' ? (policy.gate?.approvals ?? 1) : 1;
  if (alike.length + 1 < needed) {
    return planned([{ kind: 'gateOverrideAsked', track: id, version, decision, reason }], version);
  }
  const reasons = [...alike, { by, reason }].map((approval) => `OVERRIDDEN by ${approval.by}: ${approval.reason}`);
  return planned(gateEvents(track.value, version, decision, [...standing(gate), ...reasons]), version);
}

/** What an earlier decision had against it, so that the record says what was overridden. */
function standing({ decision }: GateState): readonly string[] {
  return decision?.reasons ?? [];
}

/** Whether a version was stable before, or the gate or an operator let it through. */
function hasPassed({ stableHistory, gates }: TrackReleasing, version: number): boolean {
  return stableHistory.includes(version) || gates[version]?.decision?.decision === 'promote';
}

function notPassed(track: TrackId, version: number): Planned {
  return refuse(
    'GATE_NOT_PASSED',
    `version ${version} of ${track} has not passed the gate; wait for its canaries, or override the gate`,
  );
}

function servable(
  releasing: TrackReleasing,
  track: TrackId,
  version: number,
): Result<Release, 'VERSION_NOT_FOUND' | 'VERSION_RETIRED' | 'VERSION_REVOKED' | 'BELOW_FLOOR'> {
  const release = releaseOf(releasing, version);
  if (release === undefined) return noVersion(track, version);
  const legal = servableVersions(releasing);
  if (legal.includes(version)) return ok(release);
  const distance = (other: number) => Math.abs(other - version);
  const nearest = legal.toSorted((a, b) => distance(a) - distance(b) || b - a)[0];
  const remedy = nearest === undefined ? 'no version may run' : `the nearest that may run is ${nearest}`;
  const refused = <Code extends RegistryFaultCode>(code: Code, why: string) => {
    const fields = { track, version, ...(nearest === undefined ? {} : { nearest }) };
    return refuse(code, `version ${version} of ${track} ${why}; ${remedy}`, fields);
  };
  if (releasing.revoked.includes(version)) return refused('VERSION_REVOKED', 'is revoked');
  if (release.retired) return refused('VERSION_RETIRED', 'is no longer kept: import it');
  return refused('BELOW_FLOOR', `is below the floor ${releasing.floor}`);
}

function trackOf({ tracks }: State, id: TrackId): Result<Track, 'TRACK_NOT_FOUND'> {
  const track = tracks.get(id);
  return track === undefined ? refuse('TRACK_NOT_FOUND', `there is no track ${id}; list them first`) : ok(track);
}

/** "constructor" is a legal name for a channel. */
function channelOf({ channels }: TrackReleasing, name: string) {
  return Object.hasOwn(channels, name) ? channels[name] : undefined;
}

function noChannel(track: TrackId, channel: string) {
  return refuse('CHANNEL_NOT_FOUND', `track ${track} has no channel ${channel}; list them first`);
}

function noVersion(track: TrackId, version: number) {
  return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}; list them first`, { track, version });
}

function isSame(a: Subject, b: Subject): boolean {
  return nameOfSubject(a) === nameOfSubject(b);
}

function nameOfSubject(subject: Subject): string {
  return 'cluster' in subject ? (subject.cluster as ClusterId) : `${subject.label.key}=${subject.label.value}`;
}

function planned(events: readonly JournalEvent[], version: number): Planned {
  return ok({ events, version });
}

/** Why, in 1 to 500 characters. */
export function reasonFault(reason: string): Fault<'REASON_INVALID'> | undefined {
  if (reason.trim().length > 0 && reason.length <= 500) return undefined;
  return refuse('REASON_INVALID', 'say why in 1 to 500 characters').fault;
}
