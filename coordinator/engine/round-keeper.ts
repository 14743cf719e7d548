import { randomInt } from 'node:crypto';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import { isRoundId, type RoundId, type TrackId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Committed, OperationFaultCode, StoreFaultCode } from '../engine.ts';
import { failpoint } from '../failpoint.ts';
import type { Actor, JournalEvent } from '../journal/events.ts';
import type { KeyStore } from '../key-store.ts';
import type { EpochMs, RoundEffect, RoundEvent } from '../round/phase.ts';
import { headOf, openRoundOf, type Round, type State, type Track } from '../state/state.ts';
import { checkResult } from '../workers/check-result.ts';
import type { AggregationJob, AggregationRunner } from '../workers/job.ts';
import { closedDirective, invitationFor } from './directives.ts';
import { nextRunOf } from './due.ts';
import type { InputKeeper } from './kept-inputs.ts';
import type { Ledger } from './ledger.ts';
import { enrolledCount, isInGoodStanding, type Presence } from './presence.ts';
import { jobOf, rulesOf, stepsOf } from './round-events.ts';
import { makeRoundKey, publicRoundKey, roundKeyName } from './round-keys.ts';

const byRound: Actor = { kind: 'coordinator', part: 'round' };
const bySchedule: Actor = { kind: 'coordinator', part: 'schedule' };
const seedMax = 2 ** 48 - 1;
/** An effect that failed is tried again after so long, twice as long each time. */
const retryMsMin = 500;
const retryMsMax = 30_000;

export type RoundKeeperParts = Readonly<{
  ledger: Ledger;
  presence: Presence;
  blobs: BlobStore;
  keyStore: KeyStore;
  runner: AggregationRunner;
  inputs: InputKeeper;
  clock: () => EpochMs;
  /** Rounds that may run at once, over all tracks. */
  roundsMax: number;
  /** Something did not work and will be tried again: for the operator's log. */
  trouble: (code: string, message: string) => void;
  /** Something new may be due. */
  wake: () => void;
}>;

/**
 * The shell around `step`: turns time, presence and results into events, stores the new phase with its effects in one
 * write, then performs the effects. Everything it does is derived from the state, so after a crash `tick` goes on.
 */
export class RoundKeeper {
  #parts: RoundKeeperParts;
  /** Effects and jobs that are being performed now, so that no tick starts them twice. */
  #performing = new Map<string, Promise<void>>();
  /** What failed and waits before it is tried again. */
  #failed = new Map<string, Readonly<{ waitMs: number; againAtMs: EpochMs }>>();
  /** Aggregations that run, by track and round. */
  #aborts = new Map<string, AbortController>();

  constructor(parts: RoundKeeperParts) {
    this.#parts = parts;
  }

  /** Schedules and opens a round of a track that has none open. */
  async open(
    actor: Actor,
    id: TrackId,
    reason: string,
    servesUntilMs: EpochMs | null,
  ): Promise<Result<Committed<RoundId>, OperationFaultCode | StoreFaultCode>> {
    const { ledger, keyStore, presence } = this.#parts;
    const expected = this.#openable(ledger.tentative, id);
    if (!expected.ok) return expected;
    // The key is durable before anyone can learn of it; a crash in between leaves a key that the next try replaces.
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
        policy: track.policy,
        servesUntilMs,
        reason,
      };
      return ok({ events: [scheduled, ...steps.value], value: round });
    });
    failpoint('round-open-journalled');
    return opened;
  }

  cancel(
    actor: Actor,
    id: TrackId,
    round: RoundId,
    detail: string,
  ): Promise<Result<Committed<RoundId>, OperationFaultCode | StoreFaultCode>> {
    return this.#parts.ledger.commit(actor, (state, atMs) => {
      const track = state.tracks.get(id);
      if (track === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${id}`);
      const known = track.rounds.get(round);
      if (known === undefined) return refuse('ROUND_NOT_FOUND', `track ${id} has no round ${round} on record`);
      const steps = stepsOf(known, [{ kind: 'cancelled', atMs, detail }]);
      if (!steps.ok || steps.value.length === 0) return refuse('ROUND_ENDED', `round ${round} of ${id} has ended`);
      return ok({ events: steps.value, value: round });
    });
  }

  /** Does everything that is due. Returns when to try again what failed; null when nothing did. */
  async tick(): Promise<EpochMs | null> {
    const { ledger, clock } = this.#parts;
    let good = true;
    for (const { track: id } of [...ledger.state.tracks.values()]) {
      good = (await this.#openIfDue(id)) && good;
      const track = ledger.state.tracks.get(id) as Track;
      for (const round of track.rounds.values()) {
        good = (await this.#advance(track, round)) && good;
      }
      const after = ledger.state.tracks.get(id) as Track;
      for (const round of after.rounds.values()) {
        if (round.phase.kind !== 'aggregating') this.#aborts.get(`${id}/${round.round}`)?.abort();
        if (round.pending.length > 0) this.#perform(after, round);
      }
    }
    const nowMs = clock();
    const retries = good ? [] : [nowMs + retryMsMin];
    for (const [name, { againAtMs }] of this.#failed) {
      if (againAtMs > nowMs) retries.push(againAtMs);
      else if (!this.#performing.has(name)) this.#failed.delete(name); // Nobody wants it any more.
    }
    return retries.length === 0 ? null : Math.min(...retries);
  }

  /** Resolves when no effect is being performed. */
  async settled(): Promise<void> {
    while (this.#performing.size > 0) await Promise.all(this.#performing.values());
  }

  #openable(state: State, id: TrackId): Result<{ track: Track; round: RoundId }, OperationFaultCode> {
    const track = state.tracks.get(id);
    if (track === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${id}; list them first`);
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
    const round = `r-${track.roundCount + 1}`;
    if (!isRoundId(round)) return refuse('ROUNDS_EXHAUSTED', `track ${id} has had all its rounds; make another track`);
    return ok({ track, round });
  }

  async #openIfDue(id: TrackId): Promise<boolean> {
    const { ledger, clock } = this.#parts;
    const nowMs = clock();
    const run = nextRunOf(ledger.state, ledger.state.tracks.get(id) as Track, nowMs);
    if (run === undefined || run.opensAtMs > nowMs) return true;
    const opened = await this.open(bySchedule, id, 'the schedule', nowMs);
    if (opened.ok) return true;
    // Its turn comes when another round ends; an operator may have been quicker.
    return (
      opened.fault.code === 'ROUNDS_EXHAUSTED' || opened.fault.code === 'ROUND_OPEN' || this.#trouble(opened.fault)
    );
  }

  /** Lets time, presence and lost standing happen to a round. */
  async #advance({ track: id }: Track, { round, phase }: Round): Promise<boolean> {
    const { ledger, presence, keyStore } = this.#parts;
    if (phase.kind === 'candidate' || phase.kind === 'abandoned') return true;
    const roundKey = phase.kind === 'recruiting' ? await publicRoundKey(keyStore, id, round) : undefined;
    const advanced = await ledger.commit(byRound, (state, atMs) => {
      const track = state.tracks.get(id) as Track;
      const known = track.rounds.get(round);
      if (known === undefined) return ok({ events: [], value: undefined });
      const steps = stepsOf(known, eventsFor(state, track, known, presence, roundKey, atMs));
      if (!steps.ok) throw new Error(`round ${round} of ${id}: ${steps.fault.message}`);
      return ok({ events: steps.value, value: undefined });
    });
    return advanced.ok || this.#trouble(advanced.fault);
  }

  #perform(track: Track, round: Round): void {
    const quick = round.pending.filter((effect) => effect !== 'aggregate');
    if (quick.length > 0)
      this.#once(`effects ${track.track} ${round.round}`, () => this.#performQuick(track, round, quick));
    if (!round.pending.includes('aggregate')) return;
    const job = jobOf(this.#parts.ledger.state.federation as AggregationJob['federation'], track, round);
    if (job === undefined) return;
    failpoint('round-close-journalled');
    this.#once(job.id, () => this.#aggregate(job));
  }

  /** Starts an action that is not running, unless it failed a moment ago. It resolves with whether it is done. */
  #once(name: string, action: () => Promise<boolean>): void {
    const { clock, wake } = this.#parts;
    if (this.#performing.has(name) || clock() < (this.#failed.get(name)?.againAtMs ?? 0)) return;
    const running = action()
      .catch((error: unknown) => this.#trouble({ code: 'EFFECT_FAILED', message: `${name}: ${String(error)}` }))
      .then((isDone) => {
        this.#performing.delete(name);
        const waitMs = Math.min(2 * (this.#failed.get(name)?.waitMs ?? retryMsMin / 2), retryMsMax);
        if (isDone) this.#failed.delete(name);
        else this.#failed.set(name, { waitMs, againAtMs: clock() + waitMs });
        wake(); // The next thing may be due, or what failed must be waited for.
      });
    this.#performing.set(name, running);
  }

  async #performQuick(track: Track, round: Round, effects: readonly RoundEffect[]): Promise<boolean> {
    const { blobs, keyStore, ledger } = this.#parts;
    const done: JournalEvent[] = [];
    const noted: RoundEffect[] = [];
    for (const effect of effects) {
      if (effect === 'invite' || effect === 'announce') this.#tellCohort(track, round);
      if (effect === 'invite' && round.phase.kind === 'collecting') {
        this.#parts.runner.prepare?.((track.modelBytes / 4) * round.phase.goalUpdates);
      }
      if (effect === 'dropPartials') {
        await blobs.dropUploads(track.track, round.round);
        failpoint('partials-dropped');
      }
      if (effect !== 'destroyKey') {
        noted.push(effect);
        continue;
      }
      await keyStore.destroy(roundKeyName(track.track, round.round));
      failpoint('round-key-destroyed');
      done.push({ kind: 'roundKeyDestroyed', track: track.track, round: round.round });
    }
    if (noted.length > 0) done.push({ kind: 'effectsDone', track: track.track, round: round.round, effects: noted });
    const noting = await ledger.commit(byRound, () => ok({ events: done, value: undefined }));
    if (!noting.ok) return this.#trouble(noting.fault);
    if (effects.includes('invite')) failpoint('round-invited');
    if (effects.includes('destroyKey')) failpoint('key-destruction-journalled');
    return true;
  }

  #tellCohort(track: Track, round: Round): void {
    const { presence, ledger } = this.#parts;
    const { phase } = round;
    if (!('cohort' in phase)) return;
    const closed = closedDirective(track, round);
    for (const cluster of phase.cohort) {
      const directive = closed ?? invitationFor(ledger.state, track, round, cluster);
      if (directive !== undefined) presence.tell(cluster, directive);
    }
  }

  async #aggregate(job: AggregationJob): Promise<boolean> {
    const { runner, ledger, inputs, clock } = this.#parts;
    failpoint('aggregation-started');
    const { track: id, round } = job;
    const abort = new AbortController();
    this.#aborts.set(`${id}/${round}`, abort);
    const ran = await runner.run(job, abort.signal);
    this.#aborts.delete(`${id}/${round}`);
    if (abort.signal.aborted) return true; // The round was abandoned meanwhile.
    let event: RoundEvent;
    let kept: readonly JournalEvent[] = [];
    if (ran.ok) {
      const own = await checkResult(this.#parts.blobs, job, ran.value);
      if (!own.ok) return this.#trouble(own.fault);
      const closed = ledger.state.tracks.get(id)?.rounds.get(round);
      kept = closed === undefined ? [] : await inputs.keep(job, closed);
      const { candidate, ...rest } = ran.value;
      const ref = { version: job.candidateVersion, digest: candidate };
      event = { kind: 'aggregated', atMs: clock(), candidate: ref, ...rest };
    } else {
      const { code, message } = ran.fault;
      if (code !== 'AGGREGATION_REFUSED' && code !== 'ROUND_KEY_LOST') return this.#trouble(ran.fault);
      event = { kind: 'aggregationRefused', atMs: clock(), reason: code, detail: message };
    }
    const stored = await ledger.commit(byRound, (state, atMs) => {
      const known = state.tracks.get(id)?.rounds.get(round);
      const steps = known === undefined ? ok([]) : stepsOf(known, [{ ...event, atMs }]);
      if (!steps.ok) return steps;
      return ok({ events: steps.value.length === 0 ? [] : [...steps.value, ...kept], value: undefined });
    });
    if (!stored.ok) return this.#trouble(stored.fault);
    if (stored.value.entries.length === 0 && kept.length > 0) await inputs.drop(id, round);
    failpoint('candidate-journalled');
    return true;
  }

  #trouble({ code, message }: { code: string; message: string }): false {
    this.#parts.trouble(code, message);
    return false;
  }
}

function countedEvent(state: State, track: Track, presence: Presence, roundKey: string, atMs: EpochMs): RoundEvent {
  const { version } = headOf(track);
  return {
    kind: 'counted',
    atMs,
    eligible: presence.eligible(state, track.track),
    enrolledCount: enrolledCount(state),
    roundKey,
    // Versions that came before the head, newest first: what a straggler may still have started from.
    olderBases: track.models
      .slice(0, version)
      .map(({ digest }) => digest)
      .reverse()
      .slice(0, 64),
  };
}

function eventsFor(
  state: State,
  track: Track,
  { phase }: Round,
  presence: Presence,
  roundKey: string | undefined,
  atMs: EpochMs,
): readonly RoundEvent[] {
  switch (phase.kind) {
    case 'recruiting':
      if (roundKey === undefined) {
        const detail = 'its secret key is not in the key store; no update could ever be opened';
        return [{ kind: 'aggregationRefused', atMs, reason: 'ROUND_KEY_LOST', detail }];
      }
      return [countedEvent(state, track, presence, roundKey, atMs), { kind: 'timePassed', atMs }];
    case 'collecting': {
      const expelled = phase.cohort.filter((cluster) => !isInGoodStanding(state, cluster));
      return [
        ...expelled.map((cluster): RoundEvent => {
          const code = state.clusters.get(cluster)?.status === 'enrolled' ? 'CLUSTER_QUARANTINED' : 'CLUSTER_REVOKED';
          return { kind: 'expelled', atMs, expelled: { cluster, code } };
        }),
        { kind: 'timePassed', atMs },
      ];
    }
    default:
      return [{ kind: 'timePassed', atMs }];
  }
}
