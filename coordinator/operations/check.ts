import { ok, type Result } from '../../base/fault.ts';
import { isRoundId, isTrackId, type RoundId, type TrackId } from '../../proto/ids.ts';
import { isPlainText } from '../../proto/release/documents/names.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import { checkId, type Invalid, invalid } from '../views/request.ts';

/** 1 to 63 of a-z, 0-9 and "-", with neither end a "-": names of channels, keys and values of labels. */
export const labelText = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What a change that somebody asked for answers, with the codes of the work itself. */
export type Answer<Value, Code extends string> = Promise<Result<Value, Code | 'REQUEST_INVALID' | StoreFaultCode>>;

/** The reason that every change carries into the journal. */
export function checkReason(reason: string): Invalid | undefined {
  const { length } = reason;
  if (isPlainText(reason, 500)) return undefined;
  return invalid(
    `reason: expected 1 to 500 characters, none of them control, got ${length}; say why, it goes into the audit log`,
  );
}

/** What a change of a track names. */
export type TrackChange = Readonly<{ track: string; reason: string }>;

export function checkTrackChange({
  track: name,
  reason,
}: TrackChange): Result<Readonly<{ track: TrackId; reason: string }>, 'REQUEST_INVALID'> {
  const track = checkId('track', name, isTrackId);
  if (!track.ok) return track;
  return checkReason(reason) ?? ok({ track: track.value, reason });
}

export function checkRoundName(
  track: string,
  round: string,
): Result<Readonly<{ track: TrackId; round: RoundId }>, 'REQUEST_INVALID'> {
  const trackId = checkId('track', track, isTrackId);
  if (!trackId.ok) return trackId;
  const roundId = checkId('round', round, isRoundId);
  return roundId.ok ? ok({ track: trackId.value, round: roundId.value }) : roundId;
}
