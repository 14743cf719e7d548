import { ok } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import { PassedTime } from '../round/passed-time.ts';
import { RoundEffects, type RoundEffectsParts, retryMsMax, retryMsMin } from './effects.ts';
import { stepsOf } from './events.ts';
import { publicRoundKey } from './keys.ts';
import { eventsFor } from './occasions.ts';
import { RoundOpener, type RoundOpenerParts } from './opener.ts';

const byRound: Actor = { kind: 'coordinator', part: 'round' };

export type RoundKeeperParts = RoundEffectsParts & RoundOpenerParts & Readonly<{ monotonicMs: () => number }>;

/**
 * The shell around `step`: turns time, presence and results into events, stores the new phase with its effects in one
 * write, then performs the effects. Everything it does is derived from the state, so after a crash `tick` goes on.
 */
export class RoundKeeper {
  readonly #parts: RoundKeeperParts;
  readonly #opener: RoundOpener;
  readonly #effects: RoundEffects;
  readonly #passed: PassedTime;
  /** How long what fails next waits before it is tried again. */
  #retryMs = retryMsMin;

  constructor(parts: RoundKeeperParts) {
    this.#parts = parts;
    this.#opener = new RoundOpener(parts);
    this.#effects = new RoundEffects(parts);
    this.#passed = new PassedTime(parts.monotonicMs);
  }

  /** Schedules and opens a round of a track that has none open. */
  open(actor: Actor, id: TrackId, reason: string, servesUntilMs: EpochMs | null) {
    return this.#opener.open(actor, id, reason, servesUntilMs);
  }

  cancel(actor: Actor, id: TrackId, round: RoundId, detail: string) {
    return this.#opener.cancel(actor, id, round, detail);
  }

  /** Does everything that is due. Returns when to try again what failed; null when nothing did. */
  async tick(): Promise<EpochMs | null> {
    const { ledger, clock } = this.#parts;
    let good = true;
    for (const { track: id } of [...ledger.state.tracks.values()]) {
      good = (await this.#opener.openIfDue(id)) && good;
      const track = ledger.state.tracks.get(id) as Track;
      for (const round of track.rounds.values()) {
        good = (await this.#advance(track, round)) && good;
      }
      const after = ledger.state.tracks.get(id) as Track;
      for (const round of after.rounds.values()) {
        if (round.phase.kind !== 'aggregating') this.#effects.abortAggregation(after, round);
        if (round.pending.length > 0) this.#effects.perform(after, round);
      }
    }
    const retryAtMs = this.#effects.retryAtMs();
    const waitMs = this.#retryMs;
    this.#retryMs = good ? retryMsMin : Math.min(2 * waitMs, retryMsMax);
    if (good) return retryAtMs ?? null;
    return Math.min(clock() + waitMs, retryAtMs ?? Number.POSITIVE_INFINITY);
  }

  /** Resolves when no effect is being performed. */
  settled(): Promise<void> {
    return this.#effects.settled();
  }

  /** Lets time, presence and lost standing happen to a round. */
  async #advance({ track: id }: Track, { round, phase }: Round): Promise<boolean> {
    const { ledger, presence, keyStore, trouble } = this.#parts;
    let overMs: EpochMs | undefined;
    if (phase.kind === 'candidate' || phase.kind === 'abandoned') return true;
    const roundKey = phase.kind === 'recruiting' ? await publicRoundKey(keyStore, id, round) : undefined;
    const advanced = await ledger.commit(byRound, (state, atMs) => {
      const track = state.tracks.get(id) as Track;
      const known = track.rounds.get(round);
      if (known === undefined) return ok({ events: [], value: undefined });
      const timeMs = this.#passed.timeFor(id, known, atMs);
      overMs = timeMs === atMs ? undefined : timeMs;
      const steps = stepsOf(
        known,
        eventsFor(state, track, known, presence, roundKey, timeMs, this.#effects.troubleOf(track, known)),
      );
      if (!steps.ok) throw new Error(`round ${round} of ${id}: ${steps.fault.message}`);
      return ok({ events: steps.value, value: undefined });
    });
    if (advanced.ok) {
      if (overMs !== undefined) trouble('CLOCK_SET_BACK', setBackText(id, round, overMs));
      return true;
    }
    trouble(advanced.fault.code, advanced.fault.message);
    return false;
  }
}

function setBackText(track: TrackId, round: RoundId, deadlineMs: EpochMs): string {
  const until = new Date(deadlineMs).toISOString();
  return `${round} of ${track} would wait until ${until}: this clock was ahead when that was set. As much time as it had has passed, and it goes on`;
}
