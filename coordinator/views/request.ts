import { ok, type Result, refuse } from '../../base/fault.ts';
import { isTrackId, notAnId } from '../../proto/ids.ts';
import { noTrack } from '../ledger/no-track.ts';
import type { State, Track } from '../ledger/state/state.ts';

export type Invalid = Result<never, 'REQUEST_INVALID'>;

/** What is asked for cannot be: `message` names the field, the legal range and the remedy. */
export function invalid(message: string): Invalid {
  return refuse('REQUEST_INVALID', message);
}

/** A text that must be an id of its kind. */
export function checkId<Id extends string>(
  name: string,
  text: string,
  is: (text: unknown) => text is Id,
): Result<Id, 'REQUEST_INVALID'> {
  return is(text) ? ok(text) : invalid(`${name}: ${notAnId(is, text)}`);
}

/** A version that fits a number; whether there is one like it is the registry's to say. */
export function checkVersion(version: bigint | number): Result<number, 'REQUEST_INVALID'> {
  const isWhole = typeof version === 'bigint' || Number.isInteger(version);
  if (isWhole && version >= 0 && version <= Number.MAX_SAFE_INTEGER) return ok(Number(version));
  return invalid('version: at most 2^53 - 1');
}

export function findTrack(
  { tracks }: Pick<State, 'tracks'>,
  name: string,
): Result<Track, 'TRACK_NOT_FOUND' | 'REQUEST_INVALID'> {
  const id = checkId('track', name, isTrackId);
  if (!id.ok) return id;
  const track = tracks.get(id.value);
  if (track !== undefined) return ok(track);
  return noTrack(name, { tracks });
}
