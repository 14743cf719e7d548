import { refuse } from '../../../base/fault.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import { releaseOf } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';
import { servableVersions } from './catalogue-of.ts';
import { channelMoved, headBackEvents, stableEvents } from './channel-events.ts';
import { hasPassed, notPassed, runsLive } from './passed.ts';
import { channelOf, noChannel, noVersion, type Planned, planned, servable, trackOf } from './planning.ts';

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
  if (policy.gate !== undefined && runsLive(name, channel.shadows) && !hasPassed(releasing, version)) {
    return notPassed(request.track, version);
  }
  if (name !== 'stable') {
    return planned([channelMoved(request.track, name, version, channel.shadows, request.reason)], version);
  }
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
  const { releasing, policy } = track.value;
  if (releaseOf(releasing, version) === undefined) return noVersion(id, version);
  if (releasing.revoked.includes(version)) {
    return refuse('NOTHING_TO_CHANGE', `version ${version} of ${id} is revoked already`);
  }
  const legal = servableVersions(releasing).filter((other) => other !== version);
  const vetted = policy.gate === undefined ? legal : legal.filter((other) => hasPassed(releasing, other));
  const wasStable = releasing.stableHistory.filter((other) => legal.includes(other));
  const stableAfter =
    releasing.channels.stable?.version !== version
      ? releasing.channels.stable?.version
      : (wasStable.findLast((other) => other < version) ??
        vetted.findLast((other) => other < version) ??
        wasStable.at(-1));
  const events: JournalEvent[] = [{ kind: 'releaseRevoked', track: id, version, reason }];
  for (const [name, { version: at, shadows }] of Object.entries(releasing.channels)) {
    if (at !== version) continue;
    const choice = runsLive(name, shadows) ? vetted : legal;
    const to = name === 'stable' ? stableAfter : (choice.findLast((other) => other < version) ?? stableAfter);
    if (to !== undefined) events.push(channelMoved(id, name, to, shadows, `version ${version} was revoked: ${reason}`));
  }
  if (releasing.gates[version]?.decision === null) {
    events.push({ kind: 'gateDecided', track: id, version, decision: 'reject', reasons: [`REVOKED: ${reason}`] });
  }
  events.push(...headBackEvents(track.value, version, stableAfter, `version ${version} was revoked`));
  return planned(events, version);
}
