import { ok, type Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import { type Refusal, type RefusalLog, RefusalMeter } from '../access/refusal-meter.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { JournalFaultCode, JournalHead } from '../ledger/journal/journal.ts';
import type { State, Track } from '../ledger/state/state.ts';
import type { Committed, Decision, Store, StoreFaultCode } from '../ledger/store.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import { rulesOf } from '../round/policy.ts';
import { type PlannedRound, planRounds } from '../round/schedule/planned-rounds.ts';
import { currentDirectives, type Directive } from './directives.ts';
import type { StudyRequest } from './kept-inputs.ts';
import { enrolledCount, type Joined, type Presence } from './presence.ts';
import { Pulse, type PulseParts } from './pulse.ts';
import { AlertBoard } from './told/alert-board.ts';
import { MapBoard } from './told/map-board.ts';
import { ResponseBoard } from './told/response-board.ts';
import { type ReceiptData, type UpdateCheck, UpdateDesk } from './update-desk.ts';

export type EngineParts = PulseParts &
  Readonly<{
    federation: FederationId;
    presence: Presence;
    runner: AggregationRunner;
    halted: Promise<Readonly<{ code: StoreFaultCode; message: string }>>;
    /** Lets go of the data directory, and of Redis. */
    release: () => Promise<void>;
  }>;

/**
 * The coordinator behind its doors: rounds, and the ledger under them. Every promise that resolves ok resolves after the
 * journal has synced what it says. Made by `openEngine` (open-engine.ts).
 */
export class Engine implements Store, RefusalLog {
  readonly federation: FederationId;
  readonly blobs: BlobStore;
  /** Resolves when the engine can go on no longer (stale epoch, failed disk), with the reason. Then close and exit. */
  readonly halted: EngineParts['halted'];
  #parts: EngineParts;
  /** How many alerts clusters said they had. */
  readonly alerts = new AlertBoard();
  /** How their response agents said they stand. */
  readonly responses = new ResponseBoard();
  /** The maps that they share. */
  readonly maps = new MapBoard();
  #desk: UpdateDesk;
  #meter = new RefusalMeter();
  #followers = new Set<(entry: JournalEntry) => void>();
  #pulse: Pulse;
  #closing: Promise<void> | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#desk = new UpdateDesk({ ...parts, clock: parts.timers.now });
    this.federation = parts.federation;
    this.blobs = parts.blobs;
    this.halted = parts.halted;
    this.#pulse = new Pulse(parts, () => this.#noteRefusals(parts.timers.now()));
  }

  /** The fencing epoch of this run. */
  get epoch(): number {
    return this.#parts.ledger.journal.epoch;
  }

  /** Whether another coordinator may lead by now: the journal has not answered for as long as one waits. */
  mayBeFollowed(): boolean {
    return this.#parts.ledger.journal.mayBeFollowed();
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

  refuse(actor: Actor, refusal: Refusal): boolean {
    const nowMs = this.#parts.timers.now();
    this.#noteRefusals(nowMs);
    const draft = this.#meter.take(actor, refusal, nowMs);
    if (draft === undefined) return false;
    this.#note(draft.actor, draft.event);
    return true;
  }

  /** The journal as an audit log, from position `fromSeq`, at most `limit` entries. */
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

  /** Opens a round now; recruiting may end it. Refused while another round of the track runs. */
  openRound(actor: Actor, { track, reason }: Readonly<{ track: TrackId; reason: string }>) {
    return this.#parts.keeper.open(actor, track, reason, null);
  }

  cancelRound(actor: Actor, request: Readonly<{ track: TrackId; round: RoundId; reason: string }>) {
    return this.#parts.keeper.cancel(actor, request.track, request.round, request.reason);
  }

  /**
   * Computes a round's candidate again from its sealed updates and the keys that its policy kept of them, and compares.
   * Journalled before anything is opened, and again with what came of it. One at a time.
   */
  replayRound(
    actor: Actor,
    request: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
    signal?: AbortSignal,
  ) {
    return this.#parts.inputs.replay(actor, request, signal);
  }

  /** Tries attacks on a round's updates, as far as its policy kept what opens them. Journalled before; one at a time. */
  studyRound(actor: Actor, request: StudyRequest, signal?: AbortSignal) {
    return this.#parts.inputs.study(actor, request, signal);
  }

  /** Dry run: what the schedules would open until then, soonest first, at most 1,000; from `sinceMs` on, or now. */
  planRounds(untilMs: EpochMs, sinceMs?: EpochMs): readonly PlannedRound[] {
    const state = this.state();
    const updatesMinOf = (track: TrackId) => rulesOf((state.tracks.get(track) as Track).policy).updatesMin;
    const { tracks, freezes } = state;
    const plan = { tracks: tracks.values(), freezes: freezes.values() };
    return planRounds(plan, enrolledCount(state), updatesMinOf, this.#parts.timers.now(), untilMs, sinceMs);
  }

  /** A cluster watches these tracks: it becomes eligible, and `listener` gets each later directive. `build`: what its client says that it is. */
  join(cluster: ClusterId, tracks: readonly TrackId[], listener: (directive: Directive) => void, build = ''): Joined {
    const leave = this.#parts.presence.add(cluster, tracks, listener, build);
    const current = currentDirectives(this.state(), cluster, tracks);
    const recruiting = tracks.some((id) => hasRecruiting(this.state().tracks.get(id)));
    if (recruiting) this.wake();
    return { current, leave };
  }

  /** What a cluster's client says that it is; undefined while it is not connected. */
  buildOf(cluster: ClusterId): string | undefined {
    return this.#parts.presence.buildOf(cluster);
  }

  connected(): ReadonlySet<ClusterId> {
    return this.#parts.presence.connected();
  }

  /** Who would be invited to a round of the track now. */
  eligible(track: TrackId): readonly ClusterId[] {
    return this.#parts.presence.eligible(this.state(), track);
  }

  /** Workers that take aggregations; null while Redis cannot say, undefined where aggregations run in this process. */
  workerCount(): Promise<number | null> | undefined {
    return this.#parts.runner.workerCount?.();
  }

  checkUpdate(header: UpdateHeader): Result<UpdateCheck, RoundFaultCode> {
    return this.#desk.check(header);
  }

  /** `door`: which door says that the header's cluster sent it. */
  acceptUpdate(header: UpdateHeader, signature: Uint8Array, door?: string) {
    return this.#desk.accept(header, signature, door);
  }

  receiptOf(peer: ClusterId, track: TrackId, round: RoundId, payloadDigest: Digest): ReceiptData | undefined {
    return this.#desk.receiptOf(peer, track, round, payloadDigest);
  }

  /** Does whatever is due now. Queues and watchdogs call it; calling it too often costs little. */
  wake(): void {
    this.#pulse.wake();
  }

  /** Ends what runs, writes a snapshot, lets go of journal and lock. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Called by the ledger for what has become durable. */
  afterCommit(entries: readonly JournalEntry[]): void {
    let due = false;
    for (const entry of entries) {
      for (const listener of this.#followers) listener(entry);
      due ||= mayMakeDue(entry.event) || this.#isInGrace(entry.event);
    }
    if (due) this.wake();
  }

  /** An update that begins a round's grace sets an alarm. */
  #isInGrace(event: JournalEvent): boolean {
    if (event.kind !== 'roundStepped') return false;
    const phase = this.state().tracks.get(event.track)?.rounds.get(event.round)?.phase;
    return phase?.kind === 'collecting' && phase.graceUntilMs !== undefined;
  }

  async #close(): Promise<void> {
    const { runner, keeper, ledger, release } = this.#parts;
    await this.#pulse.stop();
    await runner.close();
    await keeper.settled();
    this.#noteRefusals(0, true);
    await ledger.commit({ kind: 'coordinator', part: 'start' }, () => ok({ events: [], value: undefined }));
    await ledger.saveSnapshot();
    await ledger.journal.close();
    await release();
  }

  /** Journals the sums of refusals that were held back, all of them at the end. */
  #noteRefusals(nowMs: EpochMs, all = false): void {
    for (const { actor, event } of this.#meter.flush(nowMs, all)) this.#note(actor, event);
  }

  #note(actor: Actor, event: JournalEvent): void {
    void this.commit(actor, () => ok({ events: [event], value: undefined })).then((noted) => {
      if (!noted.ok) this.#parts.trouble(noted.fault.code, `an audit entry was lost: ${noted.fault.message}`);
    });
  }
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
    case 'clusterRejoined':
    case 'releaseAcknowledged':
    case 'shadowReported':
    case 'evidenceJournaled':
    case 'breakerReported':
    case 'releaseSetSigned':
      return false;
    default:
      return true;
  }
}
