import { randomBytes } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { PlannedRound } from '../round/schedule/planned-rounds.ts';
import type { Actor } from './journal/events.ts';
import { noTrack } from './no-track.ts';
import type { Freeze } from './state/state.ts';
import type { Committed, StoreFaultCode, Writer } from './store.ts';

export type FreezeFaultCode = 'FREEZE_INVALID' | 'FREEZE_NOT_FOUND' | 'TRACK_NOT_FOUND';

export type WantedFreeze = Readonly<{
  tracks: readonly TrackId[] | 'all';
  /** null for now. */
  fromMs: EpochMs | null;
  untilMs: EpochMs;
  reason: string;
  /** Everything but the writing. */
  dryRun: boolean;
}>;

/** A freeze of a year and a day is a track that should be removed. */
const lengthMsMax = 366 * 86_400_000;
const dayMs = 86_400_000;

type Answer<Value, Code extends string> = Promise<Result<Committed<Value>, Code | StoreFaultCode>>;

/**
 * Sets a freeze: until its end no round of these tracks opens, and no gate moves a channel. A round that runs goes on;
 * what operators do themselves is not held. Answers the freeze, without an id of its own when it was only tried.
 */
export function setFreeze(
  writer: Writer,
  actor: Actor,
  { tracks, fromMs: wantedFromMs, untilMs, reason, dryRun }: WantedFreeze,
): Answer<Omit<Freeze, 'setBy'>, FreezeFaultCode> {
  const freezeId = dryRun ? '' : `f-${randomBytes(6).toString('hex')}`;
  return writer.commit(actor, (state, atMs) => {
    const fromMs = wantedFromMs ?? atMs;
    const unknown = tracks === 'all' ? undefined : tracks.find((track) => !state.tracks.has(track));
    if (unknown !== undefined) return noTrack(unknown, state);
    if (untilMs <= Math.max(fromMs, atMs)) {
      return refuse('FREEZE_INVALID', 'a freeze must end after now and after its begin; give a later end');
    }
    if (untilMs - fromMs > lengthMsMax) {
      const latest = new Date(fromMs + lengthMsMax).toISOString();
      return refuse('FREEZE_INVALID', `a freeze lasts ${lengthMsMax / dayMs} days at most; end it by ${latest}`);
    }
    const freeze = { freezeId, tracks, fromMs, untilMs, reason };
    return ok({ events: dryRun ? [] : [{ kind: 'freezeSet', ...freeze }], value: freeze });
  });
}

export function liftFreeze(
  writer: Writer,
  actor: Actor,
  { freezeId, reason, dryRun }: Readonly<{ freezeId: string; reason: string; dryRun: boolean }>,
): Answer<Freeze, FreezeFaultCode> {
  return writer.commit(actor, (state, atMs) => {
    const standing = standingFreezes(state.freezes.values(), atMs);
    const freeze = standing.find((other) => other.freezeId === freezeId);
    if (freeze === undefined) {
      const others = standing.map((other) => other.freezeId).join(', ') || 'none';
      return refuse('FREEZE_NOT_FOUND', `no freeze ${freezeId} is in force or to come; there are: ${others}`);
    }
    return ok({ events: dryRun ? [] : [{ kind: 'freezeLifted', freezeId, reason }], value: freeze });
  });
}

/** Freezes that are in force or to come, soonest end first. */
export function standingFreezes(freezes: Iterable<Freeze>, nowMs: EpochMs): readonly Freeze[] {
  const standing = [...freezes].filter(({ untilMs }) => untilMs > nowMs);
  return standing.sort((a, b) => a.untilMs - b.untilMs || (a.freezeId < b.freezeId ? -1 : 1));
}

/** Of what schedules would open, what this freeze holds back; each track's runs become one afterwards. */
export function heldBack(
  planned: readonly PlannedRound[],
  { tracks, fromMs, untilMs }: Pick<Freeze, 'tracks' | 'fromMs' | 'untilMs'>,
): readonly PlannedRound[] {
  return planned.filter(
    ({ track, atMs, heldBecause }) =>
      heldBecause === null && fromMs <= atMs && atMs < untilMs && (tracks === 'all' || tracks.includes(track)),
  );
}
