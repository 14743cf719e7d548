import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Digest, FederationId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import type { JobPlaces } from '../candidate/places.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Journal } from '../ledger/journal/journal.ts';
import { Ledger, type LedgerListener } from '../ledger/ledger.ts';
import { lastingBlobs } from '../ledger/state/lasting-blobs.ts';
import type { MutableState } from '../ledger/state/mutable-state.ts';
import type { State } from '../ledger/state/state.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import { TimerWaker } from '../queue/timer-waker.ts';
import type { Waker } from '../queue/waker.ts';
import { Engine } from './engine.ts';
import { RoundKeeper } from './keeper.ts';
import { KeptInputs } from './kept-inputs.ts';
import { sweepRoundKeys } from './keys.ts';
import { askForOrphans, digestsNamedIn, sweepOrphans } from './orphans.ts';
import { PayloadHolds } from './payload-holds.ts';
import { Presence } from './presence.ts';

export type StartOptions = Readonly<{
  federation: FederationId;
  /** Version and commit, for the journal. */
  build: string;
  keyStore: KeyStore;
  timers: Timers;
  /** Default: timers. */
  waker?: Waker;
  /** Rounds that may run at once over all tracks. Default 16. */
  roundsMax?: number;
  /** How often everything due is derived anew, whatever wakers do. Default 5 s. */
  watchdogMs?: number;
  /** Entries after which a snapshot is saved, or later where one takes more room than these: a start folds few. Default 1,000. */
  snapshotEvery?: number;
  /** What a standby has folded of the journal already: the engine's from now on. */
  folded?: MutableState | undefined;
  /** For the operator's log: what went wrong and is tried again. */
  trouble?: (code: string, message: string) => void;
  /** For metrics: entries in a commit, and what it took from hand-over to sync. */
  committed?: (entries: readonly JournalEntry[], seconds: number) => void;
}>;

/** What lies under an engine: a data directory's, or a simulated machine's. */
export type EngineGround = Readonly<{
  /** Closed with the engine, and when it does not start. */
  journal: Journal;
  /** Called once this coordinator is the journal's writer: what is removed at a start then belongs to nobody. */
  openBlobs: () => Promise<BlobStore>;
  /** Where what a round keeps of its inputs is computed. */
  places: JobPlaces;
  openRunner: () => Promise<AggregationRunner>;
  /** Lets go of what was held for the engine. */
  release: () => Promise<void>;
}>;

/** Becomes the journal's writer and goes on where the last one ended, however it ended. */
export async function startEngine(
  options: StartOptions,
  { journal, openBlobs, places, openRunner, release }: EngineGround,
): Promise<Result<Engine, StoreFaultCode | 'FEDERATION_MISMATCH'>> {
  const { federation, build, keyStore, timers, trouble = () => {} } = options;
  const clock = timers.now;
  const halting = Promise.withResolvers<Readonly<{ code: StoreFaultCode; message: string }>>();
  let engine: Engine | undefined;
  const listener: LedgerListener = {
    durable(entries, seconds) {
      options.committed?.(entries, seconds);
      engine?.afterCommit(entries);
    },
    undone(code, message) {
      trouble(code, message);
      if (code !== 'DISK_FULL') halting.resolve({ code, message });
    },
  };
  const opened = await Ledger.open(journal, clock, listener, options.folded);
  if (!opened.ok) {
    await journal.close();
    return opened;
  }
  const ledger = opened.value;
  const started = await ledger.commit({ kind: 'coordinator', part: 'start' }, (state) =>
    state.federation !== null && state.federation !== federation
      ? refuse(
          'FEDERATION_MISMATCH',
          `this journal belongs to federation ${state.federation}, not ${federation}; correct the configuration`,
        )
      : ok({ events: [{ kind: 'coordinatorStarted', federation, build }], value: undefined }),
  );
  if (!started.ok) {
    await journal.close();
    return started;
  }
  const blobs = await openBlobs();
  if (blobs.restock !== undefined) {
    // What lay in files here before a bucket was named, and what the bucket has lost since; workers and doors look nowhere else.
    const named = [...(await digestsNamedIn(ledger.state))].map((hex) => `sha256:${hex}` as Digest);
    const put = await blobs.restock(named);
    if (!put.ok) trouble(put.fault.code, put.fault.message);
  }
  // Where removals are not late, before anything is served: bytes lie in the store before the journal names them, so that later an orphan
  // and what somebody is just sending look alike.
  if (blobs.removeUnnamed === undefined) {
    await sweepOrphans(ledger.state, blobs);
    await tellMissing(ledger.state, blobs, trouble, new Set());
  }
  // A key that stays is no reason not to serve: the next start tries again.
  await sweepRoundKeys(ledger.state, keyStore).catch((error: unknown) => trouble('EFFECT_FAILED', String(error)));
  const runner = await openRunner();
  const waker = options.waker ?? new TimerWaker(timers);
  const presence = new Presence();
  const inputs = new KeptInputs({ ledger, keyStore, blobs, places, clock, trouble });
  const keeper = new RoundKeeper({
    ledger,
    presence,
    blobs,
    keyStore,
    runner,
    inputs,
    clock,
    monotonicMs: timers.monotonicMs,
    roundsMax: options.roundsMax ?? 16,
    trouble,
    wake: () => engine?.wake(),
  });
  const leaving = new AbortController();
  engine = new Engine({
    federation,
    ledger,
    keeper,
    presence,
    inputs,
    blobs,
    holds: new PayloadHolds(),
    runner,
    waker,
    timers,
    watchdogMs: options.watchdogMs ?? 5_000,
    snapshotEvery: options.snapshotEvery ?? 1_000,
    halted: halting.promise,
    trouble,
    async release() {
      leaving.abort();
      await release();
    },
  });
  if (blobs.removeUnnamed !== undefined) {
    lookThrough(ledger, blobs, leaving.signal, trouble).catch((error: unknown) => {
      // A store elsewhere may be away for now, and what it has too much it may keep.
      if (!leaving.signal.aborted) trouble('EFFECT_FAILED', `orphans: ${String(error)}`);
    });
  }
  const woken = engine;
  await waker.start(() => woken.wake());
  engine.wake();
  return ok(engine);
}

/** A store elsewhere has what it has too much asked to be removed, and what it lacks told of: one listing for both. */
async function lookThrough(
  ledger: Pick<Ledger, 'state'>,
  blobs: BlobStore,
  signal: AbortSignal,
  trouble: (code: string, message: string) => void,
): Promise<void> {
  const listed = await askForOrphans(ledger.state, blobs, signal);
  if (!signal.aborted) await tellMissing(ledger.state, blobs, trouble, listed);
}

/** A disk or a bucket that lost bytes is told of here: else those who ask for them would be the first to know. A listing may be old. */
async function tellMissing(
  state: State,
  blobs: Pick<BlobStore, 'size'>,
  trouble: (code: string, message: string) => void,
  listed: ReadonlySet<Digest>,
): Promise<void> {
  const missing: string[] = [];
  for (const [digest, what] of lastingBlobs(state)) {
    if (listed.has(digest)) continue;
    const size = await blobs.size(digest);
    if (!size.ok && size.fault.code === 'BLOB_NOT_FOUND') missing.push(`${what} (${digest})`);
  }
  if (missing.length === 0) return;
  const first = `${missing[0]}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}`;
  trouble('BLOBS_MISSING', `of what the journal names, blobs lack ${first}: bring it back from a backup`);
}
