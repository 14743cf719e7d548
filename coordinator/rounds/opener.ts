import { randomInt } from 'node:crypto';
import { failpoint } from '../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { isRoundId, type RoundId, type TrackId } from '../../proto/ids.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { noTrack } from '../ledger/no-track.ts';
import { headOf, openRoundOf, type State, type Track } from '../ledger/state/state.ts';
import type { Committed, StoreFaultCode } from '../ledger/store.ts';
import type { RoundEvent } from '../round/phase.ts';
import { rulesOf } from '../round/policy.ts';
import { nextRunOf } from './due.ts';
import { stepsOf } from './events.ts';
import { makeRoundKey } from './keys.ts';
import { countedEvent } from './occasions.ts';
import type { Presence } from './presence.ts';
import { lacksSample, policyWithSample } from './samples.ts';
import { priorsOf } from './standings.ts';

/** Why a round is not opened or cancelled. */
export type RoundChangeFaultCode =
  | 'TRACK_NOT_FOUND'
  | 'ROUND_NOT_FOUND'
  | 'ROUND_OPEN'
  | 'ROUND_ENDED'
  | 'FROZEN'
  | 'ROUNDS_EXHAUSTED'
  /** The policy needs a trusted sample, and the track has none, or not the one that it names. */
  | 'SAMPLE_ABSENT';

const bySchedule: Actor = { kind: 'coordinator', part: 'schedule' };
const seedMax = 2 ** 48 - 1;

export type RoundOpenerParts = Readonly<{
  ledger: Ledger;
  presence: Presence;
  keyStore: KeyStore;
  clock: () => EpochMs;
  /** Rounds that may run at once, over all tracks. */
  roundsMax: number;
  trouble: (code: string, message: string) => void;
}>;

type Opened = Promise<Result<Committed<RoundId>, RoundChangeFaultCode | StoreFaultCode>>;

/** Opens rounds when an operator or the schedule asks, and cancels them. */
export class RoundOpener {
  readonly #parts: RoundOpenerParts;
  /** What was said of tracks whose schedule is due and whose sample is not there. */
  readonly #lacking = new Map<TrackId, string>();

  constructor(parts: RoundOpenerParts) {
    this.#parts = parts;
  }

  /** Schedules and opens a round of a track that has none open. */
  async open(actor: Actor, id: TrackId, reason: string, servesUntilMs: EpochMs | null): Opened {
    const { ledger, keyStore, presence } = this.#parts;
    const expected = this.#openable(ledger.tentative, id);
    if (!expected.ok) return expected;
    // The key is durable before anyone can learn of it; a crash in between leaves a key for the next try.
    const roundKey = await makeRoundKey(keyStore, id, expected.value.round);
    failpoint('round-key-stored');
    const opened = await ledger.commit(actor, (state, atMs) => {
      const now = this.#openable(state, id);
      if (!now.ok) return now;
      const { track, round } = now.value;
      if (round !== expected.value.round) return refuse('ROUND_OPEN', `another round of ${id} was opened meanwhile`);
      const rules = rulesOf(track.policy);
      const events: RoundEvent[] = [
        { kind: 'opened', atMs, seed: randomInt(seedMax), base: headOf(track) },
        countedEvent(state, track, presence, roundKey, atMs),
      ];
      const steps = stepsOf({ track: id, round, rules, phase: { kind: 'scheduled', dueAtMs: atMs } }, events);
      if (!steps.ok) throw new Error(`round ${round} of ${id} refused to open: ${steps.fault.message}`);
      const scheduled: JournalEvent = {
        kind: 'roundScheduled',
        track: id,
        round,
        dueAtMs: atMs,
        rules,
        policy: policyWithSample(track),
        ...priorsOf(track),
        servesUntilMs,
        reason,
      };
      return ok({ events: [scheduled, ...steps.value], value: round });
    });
    failpoint('round-open-journalled');
    return opened;
  }

  cancel(actor: Actor, id: TrackId, round: RoundId, detail: string): Opened {
    return this.#parts.ledger.commit(actor, (state, atMs) => {
      const track = state.tracks.get(id);
      if (track === undefined) return noTrack(id, state);
      const known = track.rounds.get(round);
      if (known === undefined) return refuse('ROUND_NOT_FOUND', `track ${id} has no round ${round} on record`);
      const steps = stepsOf(known, [{ kind: 'cancelled', atMs, detail }]);
      if (!steps.ok || steps.value.length === 0) return refuse('ROUND_ENDED', `round ${round} of ${id} has ended`);
      return ok({ events: steps.value, value: round });
    });
  }

  /** Opens what the schedule says is due; false when that failed and must be tried again. */
  async openIfDue(id: TrackId): Promise<boolean> {
    const { ledger, clock } = this.#parts;
    const nowMs = clock();
    const run = nextRunOf(ledger.state, ledger.state.tracks.get(id) as Track, nowMs);
    if (run === undefined || run.opensAtMs > nowMs) return true;
    const opened = await this.open(bySchedule, id, 'the schedule', nowMs);
    if (opened.ok) {
      this.#lacking.delete(id);
      return true;
    }
    const { code, message } = opened.fault;
    // Its turn comes when another round ends; an operator may have been quicker.
    if (code === 'ROUNDS_EXHAUSTED' || code === 'ROUND_OPEN') return true;
    if (code !== 'SAMPLE_ABSENT') return this.#failed(opened.fault);
    // Only an operator mends that, by an entry that wakes: it is told once, and not twice a second for as long as it takes.
    if (this.#lacking.get(id) !== message) this.#failed(opened.fault);
    this.#lacking.set(id, message);
    return true;
  }

  #openable(state: State, id: TrackId): Result<{ track: Track; round: RoundId }, RoundChangeFaultCode> {
    const track = state.tracks.get(id);
    if (track === undefined) return noTrack(id, state);
    const open = openRoundOf(track);
    if (open !== undefined) {
      return refuse('ROUND_OPEN', `round ${open.round} of ${id} is ${open.phase.kind}; wait for it, or cancel it`, {
        round: open.round,
      });
    }
    const freeze = [...state.freezes.values()].find(({ tracks, fromMs, untilMs }) => {
      const now = this.#parts.clock();
      return (tracks === 'all' || tracks.includes(id)) && fromMs <= now && now < untilMs;
    });
    if (freeze !== undefined) {
      return refuse('FROZEN', `track ${id} is frozen (${freeze.reason}); lift freeze ${freeze.freezeId} first`);
    }
    const running = [...state.tracks.values()].filter((other) => openRoundOf(other) !== undefined).length;
    if (running >= this.#parts.roundsMax) {
      return refuse('ROUNDS_EXHAUSTED', `${running} rounds run already, as many as may; wait for one to end`);
    }
    const lacking = lacksSample(track);
    if (lacking !== undefined) return refuse('SAMPLE_ABSENT', lacking);
    const round = `r-${track.roundCount + 1}`;
    if (!isRoundId(round)) return refuse('ROUNDS_EXHAUSTED', `track ${id} has had all its rounds; make another track`);
    return ok({ track, round });
  }

  #failed({ code, message }: { code: string; message: string }): false {
    this.#parts.trouble(code, message);
    return false;
  }
}
