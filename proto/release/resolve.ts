import { ok, type Result, refuse } from '../../base/fault.ts';
import type { ClusterId, TrackId } from '../ids.ts';
import type { Catalogue, Pin, Pins, ReleaseTarget, Subject } from './documents/catalogue.ts';
import type { LegalityFaultCode } from './faults.ts';
import { checkVersion, isInForce, trackIn } from './legality.ts';

/** Whose version is asked for. */
export type Member = Readonly<{ cluster: ClusterId; labels: Readonly<Record<string, string>> }>;

/** What a cluster runs. */
export type Resolution = Readonly<{
  live: ReleaseTarget;
  because: Readonly<{ kind: 'pin'; pin: Pin } | { kind: 'channel'; channel: string }>;
  /** Beside the live one, for canaries. */
  shadow: Readonly<{ target: ReleaseTarget; channel: string }> | null;
  /** Pins in force for this cluster that could not be followed, and why: an operator must hear of it. */
  overruled: readonly Readonly<{ pin: Pin; why: LegalityFaultCode }>[];
}>;

/**
 * Which version a cluster runs of a track at a time, and which beside it. Pins come first: those for the cluster before
 * those for a label, the last set before the earlier; one whose version may not run is passed over and named. Then the
 * channel of the first assignment that fits, else `stable`.
 */
export function resolveRelease(
  member: Member,
  track: TrackId,
  catalogue: Catalogue,
  pins: Pins,
  nowMs: number,
): Result<Resolution, LegalityFaultCode> {
  if (trackIn(catalogue, track) === undefined) {
    return refuse('TRACK_UNKNOWN', `${track}: no such track has releases`, { track });
  }
  const { followed, overruled } = resolvePins(member, track, catalogue, pins, nowMs);
  if (followed !== undefined) return ok({ ...followed, overruled });
  const byChannel = resolveChannel(member, track, catalogue);
  return byChannel.ok ? ok({ ...byChannel.value, overruled }) : byChannel;
}

/** What pins alone come to, also where nothing else gives a member a version. */
export function resolvePins(
  member: Member,
  track: TrackId,
  catalogue: Catalogue,
  pins: Pins,
  nowMs: number,
): Pick<Resolution, 'overruled'> & Readonly<{ followed?: Omit<Resolution, 'overruled'> }> {
  const overruled: { pin: Pin; why: LegalityFaultCode }[] = [];
  for (const pin of pinsFor(member, track, pins, nowMs)) {
    const version = checkVersion(catalogue, track, pin.version, pin.belowFloor);
    if (version.ok)
      return { followed: { live: version.value, because: { kind: 'pin', pin }, shadow: null }, overruled };
    overruled.push({ pin, why: version.fault.code });
  }
  return { overruled };
}

/** Pins in force for a member, in the order in which they are to be tried. */
function pinsFor(member: Member, track: TrackId, { pins }: Pins, nowMs: number): readonly Pin[] {
  const mine = pins
    .filter((pin) => pin.track === track && isInForce(pin, nowMs) && isFor(pin.subject, member))
    .toReversed(); // Pins stand in the order in which they were set.
  return [...mine.filter(({ subject }) => 'cluster' in subject), ...mine.filter(({ subject }) => 'label' in subject)];
}

function resolveChannel(
  member: Member,
  track: TrackId,
  catalogue: Catalogue,
): Result<Pick<Resolution, 'live' | 'because' | 'shadow'>, LegalityFaultCode> {
  const name = channelOf(member, track, catalogue);
  const own = channelIn(catalogue, track, name);
  if (own === undefined) return nothingLegal(track, `there is no channel ${name}`);
  const liveName = own.shadows ?? name;
  const liveChannel = channelIn(catalogue, track, liveName);
  if (liveChannel === undefined) return nothingLegal(track, `channel ${name} shadows ${liveName}, which is not there`);
  const live = checkVersion(catalogue, track, liveChannel.version, false);
  if (!live.ok) return nothingLegal(track, `channel ${liveName} points at ${live.fault.message}`);
  const because = { kind: 'channel', channel: name } as const;
  if (own.shadows === null || own.version <= liveChannel.version)
    return ok({ live: live.value, because, shadow: null });
  const beside = checkVersion(catalogue, track, own.version, false);
  return ok({ live: live.value, because, shadow: beside.ok ? { target: beside.value, channel: name } : null });
}

/** The channel that the first fitting assignment gives a member, else `stable`. */
export function channelOf(member: Member, track: TrackId, { assignments }: Pick<Catalogue, 'assignments'>): string {
  const fitting = assignments.find((assignment) => assignment.track === track && isFor(assignment.subject, member));
  return fitting?.channel ?? 'stable';
}

function channelIn(catalogue: Catalogue, track: TrackId, name: string) {
  const channels = trackIn(catalogue, track)?.channels ?? {};
  return Object.hasOwn(channels, name) ? channels[name] : undefined;
}

/** Whether a subject means this member. */
export function isFor(subject: Subject, { cluster, labels }: Member): boolean {
  if ('cluster' in subject) return subject.cluster === cluster;
  const { key, value } = subject.label;
  return Object.hasOwn(labels, key) && labels[key] === value;
}

function nothingLegal(track: TrackId, why: string) {
  return refuse('NO_LEGAL_VERSION', `${track}: ${why}; the last good version stays`, { track });
}
