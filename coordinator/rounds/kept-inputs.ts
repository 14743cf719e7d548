import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { AggregationJob, RunFaultCode } from '../candidate/job.ts';
import type { JobPlaces } from '../candidate/places.ts';
import type { Provenance } from '../candidate/provenance.ts';
import { inputKeys, recompute, study } from '../candidate/replay.ts';
import { withInputs } from '../candidate/stored-runner.ts';
import type { StudyResult } from '../candidate/study/study-thread.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { noTrack } from '../ledger/no-track.ts';
import type { Round, State, Track } from '../ledger/state/state.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import { replayJobOf } from './events.ts';

export type ReplayFaultCode =
  | 'TRACK_NOT_FOUND'
  | 'ROUND_NOT_FOUND'
  /** It gave no candidate, or not yet. */
  | 'ROUND_WITHOUT_CANDIDATE'
  /** Nothing can open its updates any more, or nothing ever could once it had ended. */
  | 'INPUTS_NOT_KEPT'
  | 'REPLAY_BUSY'
  | RunFaultCode;

type Recorded = Readonly<{ candidate: Digest; provenance: Digest; optimiserState: Digest | null }>;
export type Replay = Readonly<{
  same: boolean;
  recorded: Recorded;
  recomputed: Recorded;
  updateCount: number;
  sequence: number;
}>;

/** `round`: the newest that can be opened, where none is named. */
export type StudyRequest = Readonly<{
  track: TrackId;
  round?: RoundId | undefined;
  reason: string;
  liarsMax?: number | undefined;
  seed: string;
  secondsMax: number;
}>;
export type StudyOfRound = StudyResult & Readonly<{ round: RoundId }>;

type KeptInputsParts = Readonly<{
  ledger: Ledger;
  keyStore: KeyStore;
  blobs: Pick<BlobStore, 'get' | 'withLocalFiles'>;
  places: JobPlaces;
  clock: () => EpochMs;
  trouble: (code: string, message: string) => void;
}>;

const hourMs = 3_600_000;
const byRound: Actor = { kind: 'coordinator', part: 'round' };

/**
 * What lets a round be computed again after its secret key is destroyed: where the policy asks for it, the own key of
 * each update that was counted, encrypted in the key store, for so many rounds and so many hours. The round's key itself
 * goes with the round whatever the policy says, so whatever else was sealed to it stays shut for ever.
 */
export class KeptInputs {
  readonly #parts: KeptInputsParts;
  /** Rounds of which nothing is left behind, as far as this run has looked. */
  readonly #clean = new Set<string>();
  #isReplaying = false;

  constructor(parts: KeptInputsParts) {
    this.#parts = parts;
  }

  /**
   * Keeps what the round's policy asks for; call it while the round's key exists. Returns what to journal together with
   * the candidate. A round matters more than its replay: what fails is said to the operator, and the round goes on.
   */
  async keep(job: AggregationJob, { policy }: Pick<Round, 'policy'>): Promise<readonly JournalEvent[]> {
    if (policy.keepInputs === undefined) return [];
    const { keyStore, blobs, places, clock, trouble } = this.#parts;
    const { track, round } = job;
    const secretKey = await keyStore.get(job.keyName);
    if (secretKey === undefined) return [];
    const keys = await withInputs(blobs, job, () => inputKeys(job, secretKey, places));
    if (!keys.ok) {
      trouble(keys.fault.code, `${round} of ${track} cannot be replayed later: ${keys.fault.message}`);
      return [];
    }
    await keyStore.put(keysName(track, round), keys.value);
    keys.value.fill(0);
    const untilMs = clock() + policy.keepInputs.hours * hourMs;
    return [{ kind: 'inputKeysKept', track, round, untilMs, updateCount: job.updates.length }];
  }

  /** Nothing came of it: the round ended another way meanwhile. */
  async drop(track: TrackId, round: RoundId): Promise<void> {
    await this.#parts.keyStore.destroy(keysName(track, round));
  }

  /** Destroys what has had its time, and what a crash left of rounds that keep nothing. */
  async sweep(): Promise<void> {
    const { ledger, keyStore, clock, trouble } = this.#parts;
    for (const track of ledger.state.tracks.values()) {
      for (const { round, because } of dueOf(track, clock())) {
        await keyStore.destroy(keysName(track.track, round));
        const noted = await ledger.commit<void, never>(byRound, () =>
          ok({ events: [{ kind: 'inputKeysDestroyed', track: track.track, round, because }], value: undefined }),
        );
        if (!noted.ok) trouble(noted.fault.code, noted.fault.message);
      }
      for (const { round, phase, policy, inputKeys } of track.rounds.values()) {
        const name = `${track.track}/${round}`;
        const hasEnded = phase.kind === 'abandoned' || phase.kind === 'candidate';
        if (!hasEnded || inputKeys !== null || policy.keepInputs === undefined || this.#clean.has(name)) continue;
        await this.drop(track.track, round);
        this.#clean.add(name);
      }
    }
  }

  /** Computes a round's candidate again and compares. Who does it and why is journalled before anything is opened. */
  async replay(
    actor: Actor,
    { track, round, reason }: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
    signal?: AbortSignal,
  ): Promise<Result<Replay, ReplayFaultCode | StoreFaultCode>> {
    return this.#opening(actor, { track, round, reason }, async ({ job: asked, recorded }, kept) => {
      const { ledger, blobs, places } = this.#parts;
      const job: AggregationJob = (await hasPlaces(blobs, recorded)) ? asked : { ...asked, withoutPlaces: true };
      const run = await withInputs(blobs, job, () => recompute(job, kept, places, signal));
      if (!run.ok) return run;
      const { updateCount, candidate, provenance, optimiserState } = run.value;
      const recomputed: Recorded = { candidate, provenance, optimiserState };
      const same =
        candidate === recorded.candidate &&
        provenance === recorded.provenance &&
        optimiserState === recorded.optimiserState;
      const noted = await ledger.commit<void, never>(actor, () =>
        ok({ events: [{ kind: 'roundReplayed', track, round, same, ...recomputed }], value: undefined }),
      );
      if (!noted.ok) return noted;
      return ok({ same, recorded, recomputed, updateCount, sequence: noted.value.entries.at(-1)?.seq ?? 0 });
    });
  }

  /** Tries attacks on a round's updates. Journalled as the start of a replay is: what clusters sent is opened once more. */
  async study(
    actor: Actor,
    { track, round: name, reason, ...limits }: StudyRequest,
    signal?: AbortSignal,
  ): Promise<Result<StudyOfRound, ReplayFaultCode | StoreFaultCode>> {
    const found = this.#parts.ledger.state.tracks.get(track);
    const round = name ?? (found && keeping(found)[0]?.round);
    if (found !== undefined && round === undefined) {
      return refuse(
        'INPUTS_NOT_KEPT',
        `no round of ${track} has its inputs kept: set keepInputs in its policy, or give --recorded`,
      );
    }
    const request = { track, round: round as RoundId, reason: `simulated attacks: ${reason}` };
    return this.#opening(actor, request, async ({ job }, kept) => {
      const { blobs, places } = this.#parts;
      const studied = await withInputs(blobs, job, () => study({ job, kept, places, ...limits }, signal));
      return studied.ok ? ok({ ...studied.value, round: request.round }) : studied;
    });
  }

  async #opening<Value>(
    actor: Actor,
    { track, round, reason }: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
    act: (found: Replayable, kept: Uint8Array) => Promise<Result<Value, ReplayFaultCode | StoreFaultCode>>,
  ): Promise<Result<Value, ReplayFaultCode | StoreFaultCode>> {
    if (this.#isReplaying) return refuse('REPLAY_BUSY', 'another replay runs; wait for it');
    this.#isReplaying = true;
    try {
      const { ledger, keyStore } = this.#parts;
      const started = await ledger.commit(actor, (state) => {
        const found = replayable(state, track, round);
        if (!found.ok) return found;
        return ok({ events: [{ kind: 'replayStarted', track, round, reason }], value: found.value });
      });
      if (!started.ok) return started;
      const kept = await keyStore.get(keysName(track, round));
      if (kept === undefined) {
        return refuse('INPUTS_NOT_KEPT', `the input keys of ${round} are not in the key store; restore keys/ with it`);
      }
      return await act(started.value.value, kept);
    } finally {
      this.#isReplaying = false;
    }
  }
}

/** When the keys of some round must go next; undefined when none are kept. */
export function nextInputKeysEnd(track: Track): EpochMs | undefined {
  const ends = keeping(track).map((round) => endOf(track, round));
  return ends.length === 0 ? undefined : Math.min(...ends);
}

export function keysName(track: TrackId, round: RoundId): string {
  return `inputs.${track}.${round}`;
}

/** Rounds whose keys are kept, newest first. */
function keeping({ rounds }: Track): readonly Round[] {
  return [...rounds.values()].filter(({ inputKeys }) => inputKeys?.destroyedAtMs === null).reverse();
}

/** The policy of now may shorten what the round's own allowed, never lengthen it. */
function endOf({ policy }: Track, { inputKeys, phase }: Round): EpochMs {
  const untilMs = inputKeys?.untilMs ?? 0;
  const { keepInputs } = policy;
  if (keepInputs === undefined || phase.kind !== 'candidate') return 0;
  return Math.min(untilMs, phase.endedAtMs + keepInputs.hours * hourMs);
}

type Due = Readonly<{ round: RoundId; because: 'AGE' | 'COUNT' | 'POLICY' }>;

function dueOf(track: Track, nowMs: EpochMs): readonly Due[] {
  const { keepInputs } = track.policy;
  return keeping(track).flatMap((round, index): Due[] => {
    if (keepInputs === undefined) return [{ round: round.round, because: 'POLICY' }];
    if (endOf(track, round) <= nowMs) return [{ round: round.round, because: 'AGE' }];
    return index >= keepInputs.rounds ? [{ round: round.round, because: 'COUNT' }] : [];
  });
}

/** Whether the round's record says where updates stand: one that an earlier build made does not, and is made again as it was. */
async function hasPlaces(blobs: Pick<BlobStore, 'get'>, { provenance }: Recorded): Promise<boolean> {
  const stored = await blobs.get(provenance);
  return !stored.ok || 'map' in (JSON.parse(Buffer.from(stored.value).toString('utf8')) as Provenance);
}

type Replayable = Readonly<{ job: AggregationJob; recorded: Recorded }>;

function replayable({ federation, tracks }: State, id: TrackId, name: RoundId): Result<Replayable, ReplayFaultCode> {
  const track = tracks.get(id);
  if (track === undefined) return noTrack(id, { tracks });
  const round = track.rounds.get(name);
  if (round === undefined) return refuse('ROUND_NOT_FOUND', `track ${id} has no round ${name} on record`);
  const { phase, inputKeys } = round;
  if (phase.kind !== 'candidate') {
    return refuse(
      'ROUND_WITHOUT_CANDIDATE',
      `${name} of ${id} is ${phase.kind}; there is no candidate to compare with`,
    );
  }
  if (inputKeys === null || inputKeys.destroyedAtMs !== null) {
    const others = keeping(track).map((other) => other.round);
    return refuse('INPUTS_NOT_KEPT', `${notKept(name, round)}; ${offer(others)}`);
  }
  const job = replayJobOf(federation as FederationId, track, round);
  if (job === undefined) throw new Error(`${name} of ${id} is a candidate without a job`);
  const { candidate, provenance, optimiserState } = phase;
  return ok({ job, recorded: { candidate: candidate.digest, provenance, optimiserState } });
}

function notKept(name: RoundId, { inputKeys, keyDestroyedAtMs }: Round): string {
  if (inputKeys?.destroyedAtMs) {
    return `the input keys of ${name} were destroyed at ${new Date(inputKeys.destroyedAtMs).toISOString()}`;
  }
  const when = keyDestroyedAtMs === null ? '' : ` at ${new Date(keyDestroyedAtMs).toISOString()}`;
  return `the key of ${name} was destroyed${when}, as it must be, and its policy kept no input keys`;
}

function offer(others: readonly RoundId[]): string {
  return others.length === 0
    ? 'rounds that run under a policy with keepInputs can be replayed'
    : `can be replayed now: ${others.join(', ')}`;
}

/** `keep` and `drop` for who runs rounds. */
export type InputKeeper = Pick<KeptInputs, 'keep' | 'drop'>;
