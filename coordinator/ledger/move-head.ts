import { ok, type Result, refuse } from '../../base/fault.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelRef } from '../round/phase.ts';
import type { Actor } from './journal/events.ts';
import { noTrack } from './no-track.ts';
import { headOf, openRoundOf } from './state/state.ts';
import type { Committed, StoreFaultCode, Writer } from './store.ts';
import type { TrackFaultCode } from './track-changes.ts';

export type HeadMove = Readonly<{
  before: ModelRef;
  after: ModelRef;
  /** A round that runs and started from another version than `after`: its candidate will not be the head. */
  openRound: RoundId | null;
}>;

/**
 * The model that the track's next round starts from becomes another one: training goes back behind a version that turned
 * out bad, without a byte of it in what follows. Serving is another matter: that is what channels say.
 */
export function moveHead(
  writer: Writer,
  actor: Actor,
  {
    track: id,
    version,
    reason,
    dryRun,
  }: Readonly<{ track: TrackId; version: number; reason: string; dryRun: boolean }>,
): Promise<Result<Committed<HeadMove>, TrackFaultCode | StoreFaultCode | 'VERSION_REVOKED'>> {
  return writer.commit(actor, ({ tracks }) => {
    const track = tracks.get(id);
    if (track === undefined) return noTrack(id, { tracks });
    const model = track.models[version];
    if (model === undefined) {
      const newest = track.models.length - 1;
      return refuse(
        'MODEL_NOT_FOUND',
        `track ${id} has versions 0 to ${newest}; the nearest to ${version} is ${newest}`,
      );
    }
    if (track.releasing.revoked.includes(version)) {
      const sound = track.models.findLast(
        (other) => other.version < version && !track.releasing.revoked.includes(other.version),
      );
      const nearest = sound === undefined ? '' : `; the nearest before it is ${sound.version}`;
      return refuse('VERSION_REVOKED', `version ${version} of ${id} is revoked: nothing may be built on it${nearest}`);
    }
    const before = headOf(track);
    const open = openRoundOf(track);
    const base = open !== undefined && 'base' in open.phase ? open.phase.base.version : undefined;
    const openRound = open !== undefined && base !== version ? open.round : null;
    const events =
      before.version === version || dryRun ? [] : [{ kind: 'headMoved', track: id, version, reason } as const];
    return ok({ events, value: { before, after: { version, digest: model.digest }, openRound } });
  });
}
