import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import { layoutOf } from '../../proto/layout.ts';
import { checkSpec, schemaDigest } from '../../proto/model-spec.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type {
  Admission,
  Committed,
  Decision,
  Directive,
  Engine,
  Membership,
  NewTrack,
  OperationFaultCode,
  ReceiptData,
  Refusal,
  StoreFaultCode,
} from '../engine.ts';
import { failpoint } from '../failpoint.ts';
import type { JournalEntry } from '../journal/entry.ts';
import type { Actor, JournalEvent } from '../journal/events.ts';
import type { JournalFaultCode, JournalHead } from '../journal/journal.ts';
import type { TrackPolicy } from '../policy.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import type { EpochMs, ModelRef, UpdateHeader } from '../round/phase.ts';
import { checkRoundRules } from '../round/rules.ts';
import { checkSchedule } from '../schedule/next-run.ts';
import { type PlannedRound, planRounds } from '../schedule/plan.ts';
import type { Waker } from '../schedule/waker.ts';
import { headOf, type State, type Track } from '../state/state.ts';
import type { AggregationRunner } from '../workers/job.ts';
import { currentDirectives } from './directives.ts';
import { alarmsOf } from './due.ts';
import type { KeptInputs } from './kept-inputs.ts';
import type { Ledger } from './ledger.ts';
import { enrolledCount, type Presence } from './presence.ts';
import { RefusalMeter } from './refusal-meter.ts';
import { rulesOf } from './round-events.ts';
import type { RoundKeeper } from './round-keeper.ts';
import { sweepSealed } from './sweep.ts';
import { UpdateDesk } from './update-desk.ts';

const stillDueMs = 1_000;

export type EngineParts = Readonly<{
  federation: FederationId;
  ledger: Ledger;
  keeper: RoundKeeper;
  presence: Presence;
  inputs: KeptInputs;
  blobs: BlobStore;
  runner: AggregationRunner;
  waker: Waker;
  clock: () => EpochMs;
  watchdogMs: number;
  snapshotEvery: number;
  halted: Promise<Readonly<{ code: StoreFaultCode; message: string }>>;
  trouble: (code: string, message: string) => void;
  /** Lets go of the data directory, and of Redis. */
  release: () => Promise<void>;
}>;

/** See engine.ts. */
export class CoordinatorEngine implements Engine {
  readonly federation: FederationId;
  readonly blobs: BlobStore;
  readonly halted: EngineParts['halted'];
  #parts: EngineParts;
  #desk: UpdateDesk;
  #meter = new RefusalMeter();
  #followers = new Set<(entry: JournalEntry) => void>();
  #watchdog: NodeJS.Timeout;
  #ticking: Promise<void> | undefined;
  #wakeAgain = false;
  #closing: Promise<void> | undefined;
  #snapshotSeq: number;
  #snapshotting = false;
  #sweptRounds = new Set<string>();

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#desk = new UpdateDesk(parts);
    this.federation = parts.federation;
    this.blobs = parts.blobs;
    this.halted = parts.halted;
    this.#snapshotSeq = parts.ledger.state.seq;
    this.#watchdog = setInterval(() => this.wake(), parts.watchdogMs).unref();
  }

  get epoch(): number {
    return this.#parts.ledger.journal.epoch;
  }

  state(): State {
    return this.#parts.ledger.state;
  }

  commit<Value, Code extends string>(
    actor: Actor,
    decide: (state: State, atMs: EpochMs) => Result<Decision<Value>, Code>,
  ): Promise<Result<Committed<Value>, Code | StoreFaultCode>> {
    return this.#parts.ledger.commit(actor, decide);
  }

  refuse(actor: Actor, refusal: Refusal): void {
    const draft = this.#meter.take(actor, refusal, this.#parts.clock());
    if (draft !== undefined) this.#note(draft.actor, draft.event);
  }

  audit(fromSeq: number, limit: number): Promise<Result<readonly JournalEntry[], JournalFaultCode>> {
    return this.#parts.ledger.journal.read(fromSeq, limit);
  }

  follow(listener: (entry: JournalEntry) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  verify(): Promise<Result<JournalHead, JournalFaultCode>> {
    return this.#parts.ledger.journal.verify();
  }

  async createTrack(
    actor: Actor,
    { track, spec, policy, modelDigest, reason }: NewTrack,
  ): Promise<Result<Committed<ModelRef>, OperationFaultCode | StoreFaultCode>> {
    const checked = checkSpec(spec);
    if (!checked.ok) return checked;
    const legal = checkPolicy(policy);
    if (!legal.ok) return legal;
    const bytes = layoutOf(spec).length * 4;
    const stored = await this.blobs.size(modelDigest);
    if (!stored.ok) return refuse('MODEL_NOT_FOUND', `the initial model ${modelDigest} is not stored; upload it first`);
    if (stored.value !== bytes) {
      return refuse('LENGTH_MISMATCH', `the initial model has ${stored.value} bytes; its spec needs exactly ${bytes}`);
    }
    return this.commit(actor, (state) => {
      if (state.tracks.has(track)) return refuse('TRACK_EXISTS', `track ${track} exists; set its policy instead`);
      const digest = schemaDigest(spec);
      const events: JournalEvent[] = [
        { kind: 'trackCreated', track, spec: checked.value, schemaDigest: digest, policy, modelDigest, reason },
      ];
      return ok({ events, value: { version: 0, digest: modelDigest } });
    });
  }

  async setPolicy(
    actor: Actor,
    { track, policy, reason }: Readonly<{ track: TrackId; policy: TrackPolicy; reason: string }>,
  ): Promise<Result<Committed<ModelRef>, OperationFaultCode | StoreFaultCode>> {
    const legal = checkPolicy(policy);
    if (!legal.ok) return legal;
    return this.commit(actor, (state) => {
      const known = state.tracks.get(track);
      if (known === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}; create it first`);
      return ok({ events: [{ kind: 'policySet', track, policy, reason }], value: headOf(known) });
    });
  }

  openRound(actor: Actor, { track, reason }: Readonly<{ track: TrackId; reason: string }>) {
    return this.#parts.keeper.open(actor, track, reason, null);
  }

  cancelRound(actor: Actor, request: Readonly<{ track: TrackId; round: RoundId; reason: string }>) {
    return this.#parts.keeper.cancel(actor, request.track, request.round, request.reason);
  }

  replayRound(
    actor: Actor,
    request: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
    signal?: AbortSignal,
  ) {
    return this.#parts.inputs.replay(actor, request, signal);
  }

  planRounds(untilMs: EpochMs): readonly PlannedRound[] {
    const state = this.state();
    const updatesMinOf = (track: TrackId) => rulesOf((state.tracks.get(track) as Track).policy).updatesMin;
    return planRounds(state, enrolledCount(state), updatesMinOf, this.#parts.clock(), untilMs);
  }

  join(cluster: ClusterId, tracks: readonly TrackId[], listener: (directive: Directive) => void): Membership {
    const leave = this.#parts.presence.add(cluster, tracks, listener);
    const current = currentDirectives(this.state(), cluster, tracks);
    const recruiting = tracks.some((id) => hasRecruiting(this.state().tracks.get(id)));
    if (recruiting) this.wake();
    return { current, leave };
  }

  isConnected(cluster: ClusterId): boolean {
    return this.#parts.presence.isConnected(cluster);
  }

  checkUpdate(peer: ClusterId, header: UpdateHeader): Result<Admission, RoundFaultCode> {
    return this.#desk.check(peer, header);
  }

  acceptUpdate(peer: ClusterId, header: UpdateHeader, signature: Uint8Array) {
    return this.#desk.accept(peer, header, signature);
  }

  receiptOf(peer: ClusterId, track: TrackId, round: RoundId, payloadDigest: Digest): ReceiptData | undefined {
    return this.#desk.receiptOf(peer, track, round, payloadDigest);
  }

  wake(): void {
    if (this.#closing !== undefined) return;
    this.#wakeAgain = true;
    this.#ticking ??= Promise.resolve()
      .then(() => this.#tickWhileAsked())
      .catch((error: unknown) => this.#parts.trouble('TICK_FAILED', String(error)))
      .finally(() => {
        this.#ticking = undefined;
        if (this.#wakeAgain) this.wake(); // Asked between the last look and here.
      });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Called by the ledger for what has become durable. */
  afterCommit(entries: readonly JournalEntry[]): void {
    let due = false;
    for (const entry of entries) {
      for (const listener of this.#followers) listener(entry);
      due ||= mayMakeDue(entry.event);
    }
    if (due) this.wake();
  }

  async #close(): Promise<void> {
    const { waker, runner, keeper, ledger, release } = this.#parts;
    clearInterval(this.#watchdog);
    await waker.close();
    await this.#ticking;
    await runner.close();
    await keeper.settled();
    for (const { actor, event } of this.#meter.flush(0, true)) this.#note(actor, event);
    await ledger.commit({ kind: 'coordinator', part: 'start' }, () => ok({ events: [], value: undefined }));
    await ledger.saveSnapshot();
    await ledger.journal.close();
    await release();
  }

  async #tickWhileAsked(): Promise<void> {
    const { keeper, ledger, waker, clock } = this.#parts;
    while (this.#wakeAgain && this.#closing === undefined) {
      this.#wakeAgain = false;
      const startedAtMs = clock();
      const retryAtMs = await keeper.tick();
      for (const { actor, event } of this.#meter.flush(clock())) this.#note(actor, event);
      const { nextMs, schedules } = alarmsOf(ledger.state, clock());
      // What was due before this tick and still is must wait for something else: looked at again, but not at once.
      const dueMs = nextMs !== null && nextMs <= startedAtMs ? clock() + stillDueMs : nextMs;
      const soonest = [dueMs, retryAtMs].filter((atMs) => atMs !== null);
      waker.set({ nextMs: soonest.length === 0 ? null : Math.min(...soonest), schedules });
      await this.#snapshotNowAndThen();
      await this.#parts.inputs.sweep();
      await sweepSealed(ledger.state, this.blobs, this.#sweptRounds);
    }
  }

  async #snapshotNowAndThen(): Promise<void> {
    const { ledger, trouble, snapshotEvery } = this.#parts;
    if (this.#snapshotting || ledger.state.seq - this.#snapshotSeq < snapshotEvery) return;
    this.#snapshotting = true;
    this.#snapshotSeq = ledger.state.seq;
    const saved = await ledger.saveSnapshot();
    failpoint('snapshot-saved');
    if (!saved.ok) trouble(saved.fault.code, saved.fault.message);
    this.#snapshotting = false;
  }

  #note(actor: Actor, event: JournalEvent): void {
    void this.commit(actor, () => ok({ events: [event], value: undefined })).then((noted) => {
      if (!noted.ok) this.#parts.trouble(noted.fault.code, `an audit entry was lost: ${noted.fault.message}`);
    });
  }
}

function checkPolicy(policy: TrackPolicy): Result<TrackPolicy, 'POLICY_INVALID'> {
  const rules = checkRoundRules(rulesOf(policy));
  const schedule = policy.schedule === null ? ok(policy) : checkSchedule(policy.schedule);
  const problems = [rules, schedule].flatMap((result) => (result.ok ? [] : [result.fault.message]));
  return problems.length === 0 ? ok(policy) : refuse('POLICY_INVALID', problems.join('; '));
}

function hasRecruiting(track: Track | undefined): boolean {
  if (track === undefined) return false;
  for (const { phase } of track.rounds.values()) if (phase.kind === 'recruiting') return true;
  return false;
}

/** Whether an entry may leave something to do: most entries are accepted updates, which do not. */
function mayMakeDue(event: JournalEvent): boolean {
  switch (event.kind) {
    case 'roundStepped':
      return event.effects.length > 0 || event.event.kind !== 'updateArrived';
    case 'refused':
    case 'replayStarted':
    case 'roundReplayed':
    case 'effectsDone':
    case 'tokenMinted':
    case 'tokenRevoked':
    case 'certificateRenewed':
    case 'releaseAcknowledged':
    case 'shadowReported':
    case 'releaseSetSigned':
      return false;
    default:
      return true;
  }
}
