import { Beat } from '../../../base/beat.ts';
import { failpoint } from '../../../base/failpoint.ts';
import { type Fault, ok, type Result } from '../../../base/fault.ts';
import type { EpochMs, Timers } from '../../../base/time.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Pins } from '../../../proto/release/documents/catalogue.ts';
import type { JournalEntry } from '../../ledger/journal/entry.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import type { Decision, StoreFaultCode } from '../../ledger/store.ts';
import { gateDueMs, gateEventsDue } from '../decide/at-the-gate.ts';
import { movesOf } from '../decide/channel-events.ts';
import { ExpiryWatch } from '../signing/expiry-watch.ts';
import { byRegistry, type SetSigner, type SignFaultCode } from '../signing/set-signer.ts';
import type { SignedSet } from '../signing/signed-set.ts';
import { nextUnreleased, type PublisherParts, publish } from './publisher.ts';
import { retire } from './retention.ts';

/** What failed is tried again after so long, twice as long each time. */
const retryMsMin = 500;
const retryMsMax = 30_000;
const lookMsMax = 60_000;

export type KeeperParts = PublisherParts &
  Readonly<{
    signer: SetSigner;
    timers: Timers;
    pins: () => Pins | null;
    /** How long before root or pins expire operators are warned. */
    warnWithinMs: number;
    /** A new set is in force. */
    signed: (set: SignedSet) => void;
  }>;

/**
 * Does what is due: releases of models that have none, channel moves, gates, retention, signatures. Everything is
 * derived from the journal's state, so that after a crash, or when something failed, the next look goes on from there.
 */
export class RegistryKeeper {
  readonly #parts: KeeperParts;
  readonly #unfollow: () => void;
  readonly #beat: Beat;
  #retryMs = retryMsMin;
  #fault: Fault | undefined;
  readonly #expiry: ExpiryWatch;
  /** Releases whose files were removed in this run. */
  readonly #swept = new Set<string>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#expiry = new ExpiryWatch(parts.trouble, parts.warnWithinMs);
    this.#beat = new Beat({
      work: async () => this.#after(await this.#work()),
      failed: (error) => this.#after({ ok: false, fault: { code: 'REGISTRY_FAILED', message: String(error) } }),
      timers: parts.timers,
      background: true,
    });
    this.#unfollow = parts.store.follow((entry) => {
      if (mayMakeDue(entry)) this.wake();
    });
  }

  /** What does not work at present. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  wake(): void {
    this.#beat.wake();
  }

  /** Resolves when nothing is due, or when what is due does not work. */
  settled(): Promise<void> {
    return this.#beat.settled();
  }

  async close(): Promise<void> {
    this.#unfollow();
    await this.#beat.stop();
  }

  /** Says what does not work, and when to look again. */
  #after(worked: Result<void, SignFaultCode | 'REGISTRY_FAILED'>): void {
    this.#fault = worked.ok ? undefined : worked.fault;
    if (!worked.ok) {
      this.#parts.trouble(worked.fault.code, worked.fault.message);
      this.#retryMs = Math.min(2 * this.#retryMs, retryMsMax);
      this.#beat.wakeIn(this.#retryMs);
      return;
    }
    this.#retryMs = retryMsMin;
    const dueMs = this.#nextDueMs();
    // A machine that slept, or whose clock was set, is past what a timer still waits for: signatures end by the wall clock.
    if (dueMs !== null) this.#beat.wakeIn(Math.min(dueMs - this.#parts.timers.now(), lookMsMax));
  }

  async #work(): Promise<Result<void, SignFaultCode>> {
    // A track in trouble keeps no other from what was decided, nor signatures from being renewed.
    const moved = await this.#workOnTracks();
    const signed = await this.#signWhatIsDue();
    this.#expiry.look(this.#parts.store.state().metadata, this.#parts.timers.now());
    return moved.ok ? signed : moved;
  }

  async #workOnTracks(): Promise<Result<void, SignFaultCode>> {
    const { store, timers } = this.#parts;
    for (const id of [...store.state().tracks.keys()]) {
      for (let track = this.#track(id), model = nextUnreleased(track); model; ) {
        const published = await publish(this.#parts, track, model);
        if (!published.ok) return published;
        track = this.#track(id);
        model = nextUnreleased(track);
      }
      const moved = await this.#commit(id, (state, track) => movesOf(state, track, timers.now()));
      if (!moved.ok) return moved;
      const decided = await this.#commit(id, (state, track) => gateEventsDue(state, track, timers.now()));
      if (!decided.ok) return decided;
      if (decided.value > 0) failpoint('gate-decided');
      const retired = await retire(store, this.#track(id), this.#parts.pins(), timers.now(), this.#swept);
      if (!retired.ok) return retired;
    }
    return ok(undefined);
  }

  async #signWhatIsDue(): Promise<Result<void, SignFaultCode>> {
    const { signer, timers } = this.#parts;
    while (signer.due(timers.now()) !== null && !this.#beat.stopped) {
      const signed = await signer.sign(timers.now());
      if (!signed.ok) return signed;
      this.#parts.signed(signed.value);
    }
    return ok(undefined);
  }

  #track(id: TrackId): Track {
    return this.#parts.store.state().tracks.get(id) as Track;
  }

  /** How many events were written. */
  async #commit(
    id: TrackId,
    eventsFor: (state: State, track: Track) => readonly JournalEvent[],
  ): Promise<Result<number, StoreFaultCode>> {
    const committed = await this.#parts.store.commit(byRegistry, (state): Result<Decision<number>, never> => {
      const events = eventsFor(state, state.tracks.get(id) as Track);
      return ok({ events, value: events.length });
    });
    return committed.ok ? ok(committed.value.value) : committed;
  }

  #nextDueMs(): EpochMs | null {
    const { store, signer, timers } = this.#parts;
    const state = store.state();
    const nowMs = timers.now();
    const due: EpochMs[] = [];
    const signatureMs = signer.nextDueMs();
    if (signatureMs !== null) due.push(signatureMs);
    for (const track of state.tracks.values()) {
      const gateMs = gateDueMs(track, nowMs);
      if (gateMs !== undefined) due.push(gateMs);
    }
    for (const { untilMs } of state.freezes.values()) if (untilMs > nowMs) due.push(untilMs);
    // What is past waits for an event, such as the end of a freeze: looked at again now and then.
    return due.length === 0 ? null : Math.min(...due.map((atMs) => (atMs > nowMs ? atMs : nowMs + retryMsMax)));
  }
}

function mayMakeDue({ event }: JournalEntry): boolean {
  switch (event.kind) {
    case 'roundStepped':
      return event.event.kind === 'aggregated';
    case 'trackCreated':
    case 'policySet':
    case 'headMoved':
    case 'freezeSet':
    case 'freezeLifted':
    case 'shadowReported':
    case 'breakerReported':
    case 'channelMoved':
    case 'channelRemoved':
    case 'floorRaised':
    case 'releaseRevoked':
    case 'releaseImported':
    case 'releaseRestored':
    case 'assignmentsSet':
    case 'rootPublished':
    case 'pinsPublished':
      return true;
    default:
      return false;
  }
}
