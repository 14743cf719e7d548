import { failpoint } from '../../base/failpoint.ts';
import { type Fault, ok } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { FederationId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { checkResult } from '../candidate/check-result.ts';
import type { AggregationJob, AggregationRunner } from '../candidate/job.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import type { RoundEffect, RoundEvent } from '../round/phase.ts';
import { closedDirective, invitationFor } from './directives.ts';
import { jobOf, stepsOf } from './events.ts';
import type { InputKeeper } from './kept-inputs.ts';
import { roundKeyName } from './keys.ts';
import type { Presence } from './presence.ts';
import { partsOf, standingsNoted } from './standings.ts';

const byRound: Actor = { kind: 'coordinator', part: 'round' };
/** What failed is tried again after so long, twice as long each time. */
export const retryMsMin = 500;
export const retryMsMax = 30_000;

export type RoundEffectsParts = Readonly<{
  ledger: Ledger;
  presence: Presence;
  blobs: BlobStore;
  keyStore: KeyStore;
  runner: AggregationRunner;
  inputs: InputKeeper;
  clock: () => EpochMs;
  /** Something did not work and will be tried again: for the operator's log. */
  trouble: (code: string, message: string) => void;
  /** Something new may be due. */
  wake: () => void;
}>;

/** Performs what rounds decided: every effect until it is done, never twice at once. */
export class RoundEffects {
  readonly #parts: RoundEffectsParts;
  /** Effects and jobs that are being performed now, so that no tick starts them twice. */
  readonly #performing = new Map<string, Promise<void>>();
  /** What failed and waits before it is tried again. */
  readonly #failed = new Map<string, Readonly<{ waitMs: number; againAtMs: EpochMs }>>();
  /** Why the last run of an aggregation failed, by track and round. */
  readonly #troubles = new Map<string, string>();
  /** Aggregations that run, by track and round. */
  readonly #aborts = new Map<string, AbortController>();

  constructor(parts: RoundEffectsParts) {
    this.#parts = parts;
  }

  /** Starts what is pending of a round and does not run yet. */
  perform(track: Track, round: Round): void {
    const { ledger } = this.#parts;
    // First: its thread works while the loop tells the cohort.
    const job = round.pending.includes('aggregate') && jobOf(ledger.state.federation as FederationId, track, round);
    if (job) {
      failpoint('round-close-journalled');
      this.#once(job.id, () => this.#aggregate(job));
    }
    const quick = round.pending.filter((effect) => effect !== 'aggregate');
    if (quick.length > 0)
      this.#once(`effects ${track.track} ${round.round}`, () => this.#performQuick(track, round, quick));
  }

  /** Nobody waits for this round's aggregation any more. */
  abortAggregation(track: Track, round: Round): void {
    this.#aborts.get(`${track.track}/${round.round}`)?.abort();
    this.#troubles.delete(`${track.track}/${round.round}`);
  }

  /** Why the round's aggregation failed the last time it ran; undefined where it did not, or runs. */
  troubleOf({ track }: Track, { round }: Round): string | undefined {
    return this.#troubles.get(`${track}/${round}`);
  }

  /** When to try again what failed; undefined when nothing did. */
  retryAtMs(): EpochMs | undefined {
    const nowMs = this.#parts.clock();
    let soonest: EpochMs | undefined;
    for (const [name, { againAtMs }] of this.#failed) {
      if (againAtMs > nowMs) soonest = Math.min(soonest ?? againAtMs, againAtMs);
      else if (!this.#performing.has(name)) this.#failed.delete(name); // Nobody wants it any more.
    }
    return soonest;
  }

  /** Resolves when no effect is being performed. */
  async settled(): Promise<void> {
    while (this.#performing.size > 0) await Promise.all(this.#performing.values());
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
    const about = { track: track.track, round: round.round };
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
      done.push({ kind: 'roundKeyDestroyed', ...about });
    }
    const noting = await ledger.commit(byRound, (state) => {
      // What the round asked for when it moved on meanwhile is of the same names, and not done yet.
      const isStill = state.tracks.get(track.track)?.rounds.get(round.round)?.phase.kind === round.phase.kind;
      const events = isStill && noted.length > 0 ? [{ kind: 'effectsDone', ...about, effects: noted } as const] : [];
      return ok({ events: [...done, ...events], value: undefined });
    });
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
    this.#troubles.delete(`${id}/${round}`);
    if (abort.signal.aborted) return true; // The round was abandoned meanwhile.
    let event: RoundEvent;
    let kept: readonly JournalEvent[] = [];
    let parts: ReturnType<typeof partsOf> = new Map();
    if (ran.ok) {
      const own = await checkResult(this.#parts.blobs, job, ran.value);
      if (!own.ok) return this.#aggregationTrouble(job, own.fault);
      const closed = ledger.state.tracks.get(id)?.rounds.get(round);
      kept = closed === undefined ? [] : await inputs.keep(job, closed);
      parts = partsOf(own.value);
      const { candidate, ...rest } = ran.value;
      const ref = { version: job.candidateVersion, digest: candidate };
      event = { kind: 'aggregated', atMs: clock(), candidate: ref, ...rest };
    } else {
      const { code, message } = ran.fault;
      if (code !== 'AGGREGATION_REFUSED' && code !== 'ROUND_KEY_LOST') return this.#aggregationTrouble(job, ran.fault);
      event = { kind: 'aggregationRefused', atMs: clock(), reason: code, detail: message };
    }
    const stored = await ledger.commit(byRound, (state, atMs) => {
      const known = state.tracks.get(id)?.rounds.get(round);
      const steps = known === undefined ? ok([]) : stepsOf(known, [{ ...event, atMs }]);
      if (!steps.ok) return steps;
      const noted = standingsNoted(state, id, round, parts);
      return ok({ events: steps.value.length === 0 ? [] : [...steps.value, ...kept, ...noted], value: undefined });
    });
    if (!stored.ok) return this.#trouble(stored.fault);
    if (stored.value.entries.length === 0 && kept.length > 0) await inputs.drop(id, round);
    failpoint('candidate-journalled');
    return true;
  }

  #aggregationTrouble({ track, round }: AggregationJob, fault: Fault): false {
    this.#troubles.set(`${track}/${round}`, `${fault.code}: ${fault.message}`);
    return this.#trouble(fault);
  }

  #trouble({ code, message }: { code: string; message: string }): false {
    this.#parts.trouble(code, message);
    return false;
  }
}
