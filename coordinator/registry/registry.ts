import { type Fault, ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { Digest, FederationId, TrackId } from '../../proto/ids.ts';
import type { Assignment, Pins } from '../../proto/release/documents/catalogue.ts';
import { openPins, openRoot } from '../../proto/release/open.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { KeyStore } from '../keys/key-store.ts';
import type { Actor } from '../ledger/journal/events.ts';
import { type AgentState, type Release, releaseOf, type TrackReleasing } from '../ledger/state/releasing.ts';
import type { Store, StoreFaultCode } from '../ledger/store.ts';
import { storeFault } from '../ledger/store-fault.ts';
import { AgentReports } from './decide/agent-reports.ts';
import { gateQuestion } from './decide/at-the-gate.ts';
import type { Change, Changed, ChangeOptions, ChangeResult, MoveResult } from './decide/change.ts';
import { type Effect, noPins, resolvedIn } from './decide/effects.ts';
import type { RegistryFaultCode } from './decide/faults.ts';
import { deadlineOf, decideGate, type GateView } from './decide/gate.ts';
import { planAssign, planRemoveChannel, planSetChannel, planUnassign } from './decide/plan-channels.ts';
import { planPromote, planRevoke, planRollBack } from './decide/plan-moves.ts';
import { planOverride } from './decide/plan-override.ts';
import { reasonFault } from './decide/planning.ts';
import { changing } from './keeping/changing.ts';
import type { LightForm } from './keeping/publisher.ts';
import { RegistryKeeper } from './keeping/registry-keeper.ts';
import { ServedFiles } from './keeping/served-files.ts';
import { currentRoot, readDocument } from './signing/documents.ts';
import type { DocumentLifetimes } from './signing/found-root.ts';
import { ensureRoot } from './signing/founding.ts';
import { settleKeys } from './signing/release-keys.ts';
import { byRegistry, SetSigner, type SigningTimes } from './signing/set-signer.ts';
import { type PendingPins, SignedByPeople } from './signing/signed-by-people.ts';
import type { SignedSet } from './signing/signed-set.ts';
import { exportRelease } from './transfer/export-release.ts';
import { importEvent, readReleaseFile } from './transfer/import-release.ts';

const dayMs = 86_400_000;

export type RegistryParts = Readonly<{
  store: Store;
  vault: KeyStore;
  build: string;
  times: SigningTimes;
  /** Of a root that has to be made. */
  lifetimes?: DocumentLifetimes | undefined;
  /** How long before root or pins expire operators are warned; 30 days unless given. */
  warnWithinMs?: number;
  lightForm?: LightForm | undefined;
  timers: Timers;
  /** For the operator's log: what went wrong and is tried again. */
  trouble?: (code: string, message: string) => void;
}>;

/**
 * The registry of releases. Reads show durable facts. Changes answer once they are journalled; the catalogue that says
 * so is signed and pushed to every agent at once afterwards.
 */
export class Registry {
  readonly federation: FederationId;
  readonly reports: AgentReports;
  readonly #store: Store;
  readonly #clock: () => EpochMs;
  readonly #signer: SetSigner;
  readonly #keeper: RegistryKeeper;
  readonly #change: Change;
  readonly #people: SignedByPeople;
  readonly #files: ServedFiles;
  readonly #followers = new Set<(set: SignedSet) => void>();
  #pins: Pins | null;

  private constructor(parts: RegistryParts, signer: SetSigner, pins: Pins | null) {
    const { store, vault, build, lightForm, timers, trouble = () => {} } = parts;
    const clock = timers.now;
    this.federation = store.federation;
    this.#store = store;
    this.#clock = clock;
    this.#signer = signer;
    this.reports = new AgentReports(store, clock);
    this.#pins = pins;
    this.#files = new ServedFiles(() => store.state());
    this.#change = changing({ store, clock, pins: () => this.#pins, sign: () => this.#sign() });
    this.#people = new SignedByPeople({ store, vault, clock, change: this.#change });
    this.#keeper = new RegistryKeeper({
      store,
      build,
      lightForm,
      timers,
      trouble,
      signer,
      pins: () => this.#pins,
      warnWithinMs: parts.warnWithinMs ?? 30 * dayMs,
      signed: (set) => {
        if (set.pins) this.#pins = unwrap(openPins(set.pins.body, this.federation));
        for (const listener of this.#followers) listener(set);
      },
    });
  }

  /** Founds the root where there is none, signs what holds already, and does what is due. */
  static async open(parts: RegistryParts): Promise<Result<Registry, StoreFaultCode | BlobFaultCode>> {
    const { store, vault, times, lifetimes, timers } = parts;
    const rooted = await ensureRoot({ store, vault, nowMs: timers.now(), lifetimes }, byRegistry);
    if (!rooted.ok) return rooted;
    const root = await currentRoot(store);
    if (root.ok && root.value) await settleKeys(vault, root.value); // A crash may have come before it.
    const signer = new SetSigner({ store, vault, times });
    const { set, pins: ref } = store.state().metadata;
    // Agents get what holds before anything is added to it. What cannot be signed the keeper tries again, and says so.
    if (set !== null) await signer.sign(timers.now());
    const pins = await readDocument(store, ref);
    const registry = new Registry(parts, signer, pins ? unwrap(openPins(pins, store.federation)) : null);
    registry.#keeper.wake();
    return ok(registry);
  }

  /** Newest first. Undefined when there is no such track. */
  releases(track: TrackId): readonly Release[] | undefined {
    return this.releasing(track)?.releases.toReversed();
  }

  release(track: TrackId, version: number): Release | undefined {
    const releasing = this.releasing(track);
    return releasing && releaseOf(releasing, version);
  }

  /** Channels, floor, revoked versions of a track. */
  releasing(track: TrackId): TrackReleasing | undefined {
    return this.#store.state().tracks.get(track)?.releasing;
  }

  assignments(): readonly Assignment[] {
    return this.#store.state().metadata.assignments;
  }

  /** What each cluster last reported, by its signed acknowledgements. */
  agents(track: TrackId): readonly AgentState[] {
    return [...this.#store.state().agents.values()].filter((agent) => agent.track === track);
  }

  /** Undefined where the version never was in front of the gate. */
  gate(track: TrackId, version: number): GateView | undefined {
    const state = this.#store.state();
    const known = state.tracks.get(track);
    const gate = known?.releasing.gates[version];
    if (known === undefined || gate === undefined) return undefined;
    const { policy, releasing } = known;
    const question = gateQuestion(state, known, gate, releasing.channels.stable?.version ?? 0, this.#clock());
    if (policy.gate === undefined || question === undefined) {
      const now = { verdict: 'waiting', reasons: ['the policy of this track has no gate'] } as const;
      return { state: gate, now, deadlineMs: null, approvalsNeeded: 1 };
    }
    if (gate.decision === null && gate.version === releasing.channels.stable?.version) {
      const now = {
        verdict: 'promote',
        reasons: ['it is stable already: the first version of a track asks no gate'],
      } as const;
      return { state: gate, now, deadlineMs: null, approvalsNeeded: 1 };
    }
    const deadlineMs = deadlineOf(gate, policy.gate);
    return { state: gate, now: decideGate(question), deadlineMs, approvalsNeeded: policy.gate.approvals };
  }

  /** What each enrolled cluster should run now. */
  resolved(track: TrackId): readonly Effect[] {
    return resolvedIn({ state: this.#store.state(), pins: this.#pins ?? noPins }, this.#clock(), track);
  }

  /** Undefined until this run has signed one: what an earlier run signed is never served. */
  signedSet(): SignedSet | undefined {
    return this.#signer.served;
  }

  pins(): Pins | null {
    return this.#pins;
  }

  /** Pins that wait for further operators' signatures. */
  pendingPins(): Promise<PendingPins | null> {
    return this.#people.pendingPins();
  }

  /** Moves `channel` (stable unless named) forward to `version` (what canary runs, unless named); raises the floor. */
  promote(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; version?: number; channel?: string }>,
  ): MoveResult {
    return this.#change(actor, change, (state) => planPromote(state, change));
  }

  /** Moves stable back, to the version before unless named; never below the floor. */
  rollBack(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version?: number }>): MoveResult {
    return this.#change(actor, change, (state) => planRollBack(state, change));
  }

  revoke(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version: number }>): ChangeResult {
    return this.#change(actor, change, (state) => planRevoke(state, change));
  }

  /** Makes or moves a channel of the operators' own, or canary. `shadows`: the channel whose version stays live. */
  setChannel(actor: Actor, change: ChangeOptions & Parameters<typeof planSetChannel>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planSetChannel(state, change));
  }

  removeChannel(actor: Actor, change: ChangeOptions & Parameters<typeof planRemoveChannel>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planRemoveChannel(state, change));
  }

  /** In front of all others of the track for the same subject, whose earlier assignment it replaces. */
  assign(actor: Actor, change: ChangeOptions & Parameters<typeof planAssign>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planAssign(state, change));
  }

  unassign(actor: Actor, change: ChangeOptions & Parameters<typeof planUnassign>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planUnassign(state, change));
  }

  /** Where the policy asks for two approvals, the first is kept and the second, by someone else, decides. */
  overrideGate(actor: Actor, change: ChangeOptions & Parameters<typeof planOverride>[2]): ChangeResult {
    return this.#change(actor, change, (state) => planOverride(state, actor, change));
  }

  proposePins(...change: Parameters<SignedByPeople['proposePins']>): ReturnType<SignedByPeople['proposePins']> {
    return this.#people.proposePins(...change);
  }

  publishRoot(...change: Parameters<SignedByPeople['publishRoot']>): ChangeResult {
    return this.#people.publishRoot(...change);
  }

  prepareKeys(): ReturnType<SignedByPeople['prepareKeys']> {
    return this.#people.prepareKeys();
  }

  async importRelease(
    actor: Actor,
    {
      file,
      trustedRoot,
      reason,
      dryRun = false,
    }: ChangeOptions & Readonly<{ file: AsyncIterable<Uint8Array>; trustedRoot?: Uint8Array }>,
  ): Promise<
    Result<Changed & Readonly<{ track: TrackId; version: number }>, RegistryFaultCode | StoreFaultCode | 'DISK_FULL'>
  > {
    const given = trustedRoot === undefined ? undefined : openRoot(trustedRoot);
    if (given?.ok === false) return refuse('ROOT_INVALID', given.fault.message);
    const own = await currentRoot(this.#store);
    const trusted = given?.value ?? (own.ok ? own.value : undefined);
    if (trusted === undefined) return refuse('ROOT_ABSENT', 'root metadata is not in the blob store');
    const unreasoned = reasonFault(reason);
    if (unreasoned !== undefined) return { ok: false, fault: unreasoned };
    const { blobs } = this.#store;
    const state = () => this.#store.state();
    const imported = await readReleaseFile(file, { blobs, federation: this.federation, trusted, state, dryRun });
    if (!imported.ok) return storeFault(imported.fault);
    const { track, version } = imported.value.manifest;
    const changed = await this.#change(actor, { reason, dryRun }, (now) => {
      const event = importEvent(now, imported.value);
      return event.ok ? ok({ events: [event.value], version }) : event;
    });
    return changed.ok ? ok({ ...changed.value, track }) : changed;
  }

  /** A single file (docs/releases.md): roots, catalogue, manifest, files. */
  exportRelease(track: TrackId, version: number): Result<AsyncIterable<Uint8Array>, RegistryFaultCode> {
    if (this.releasing(track) === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    const release = this.release(track, version);
    if (release === undefined) return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}`);
    return exportRelease(this.#store, this.#signer.served, release);
  }

  /** Told after each newly signed set. Returns the end of the subscription. */
  follow(listener: (set: SignedSet) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  /** How many listen for newly signed sets: the open Subscribe streams. */
  get followerCount(): number {
    return this.#followers.size;
  }

  /** Size of a file that agents may fetch: a release's or a manifest; undefined for every other blob. */
  servedBytes(digest: Digest): number | undefined {
    return this.#files.bytesOf(digest);
  }

  /** Resolves when everything that was due is done, or does not work. */
  settled(): Promise<void> {
    return this.#keeper.settled();
  }

  /** Signing that does not work at present, if any: for health and the operators' listing. */
  trouble(): Fault | undefined {
    return this.#keeper.fault;
  }

  /** May be called twice. */
  close(): Promise<void> {
    return this.#keeper.close();
  }

  #sign(): Promise<void> {
    this.#keeper.wake();
    return this.#keeper.settled();
  }
}
