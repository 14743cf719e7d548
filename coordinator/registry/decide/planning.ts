import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { isPlainText } from '../../../proto/release/documents/names.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import { noTrack } from '../../ledger/no-track.ts';
import { type Release, releaseOf, type TrackReleasing } from '../../ledger/state/releasing.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { servableVersions } from './catalogue-of.ts';
import type { RegistryFaultCode } from './faults.ts';

/** What a change wants written, and the version it chose. Pure functions of the state: a dry run is one of these alone. */
export type Plan = Readonly<{ events: readonly JournalEvent[]; version: number }>;
export type Planned = Result<Plan, RegistryFaultCode>;

export function servable(
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

export function trackOf(state: State, id: TrackId): Result<Track, 'TRACK_NOT_FOUND'> {
  const track = state.tracks.get(id);
  return track === undefined ? noTrack(id, state) : ok(track);
}

/** "constructor" is a legal name for a channel. */
export function channelOf({ channels }: TrackReleasing, name: string) {
  return Object.hasOwn(channels, name) ? channels[name] : undefined;
}

export function noChannel(track: TrackId, channel: string) {
  return refuse('CHANNEL_NOT_FOUND', `track ${track} has no channel ${channel}; list them first`);
}

export function noVersion(track: TrackId, version: number) {
  return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}; list them first`, { track, version });
}

export function planned(events: readonly JournalEvent[], version: number): Planned {
  return ok({ events, version });
}

/** Why, in 1 to 500 characters, none of them control. */
export function reasonFault(reason: string): Fault<'REASON_INVALID'> | undefined {
  if (reason.trim().length > 0 && isPlainText(reason, 500)) return undefined;
  return refuse('REASON_INVALID', 'say why in 1 to 500 characters, none of them control').fault;
}
