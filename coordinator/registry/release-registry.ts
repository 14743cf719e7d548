import { type Fault, ok, type Result, refuse, unwrap } from '../../proto/fault.ts';
import type { Digest, FederationId, TrackId } from '../../proto/ids.ts';
import type { Assignment, Pins } from '../../proto/release/catalogue.ts';
import { openPins, openRoot } from '../../proto/release/open.ts';
import type { ReleaseRoot } from '../../proto/release/root.ts';
import type { BlobFaultCode } from '../blobs/blob-store.ts';
import type { Engine, StoreFaultCode } from '../engine.ts';
import type { Actor, JournalEvent } from '../journal/events.ts';
import type { KeyStore } from '../key-store.ts';
import type { EpochMs } from '../round/phase.ts';
import { type AgentState, type Release, releaseOf, type TrackReleasing } from '../state/releasing.ts';
import type { State } from '../state/state.ts';
import { AgentReports } from './agent-reports.ts';
import { catalogueOf } from './catalogue-of.ts';
import {
  type Plan,
  planAssign,
  planOverride,
  planPromote,
  planRemoveChannel,
  planRevoke,
  planRollBack,
  planSetChannel,
  planUnassign,
  reasonFault,
} from './changes.ts';
import { effectsOf, noPins, resolvedIn, stateAfter } from './effects.ts';
import { exportRelease } from './export-release.ts';
import { wholeSeconds } from './found-root.ts';
import { ensureRoot, store } from './founding.ts';
import { deadlineOf, decideGate } from './gate.ts';
import { importEvent, readReleaseFile } from './import-release.ts';
import { membersOf } from './lineage.ts';
import { checkNextRoot } from './next-root.ts';
import { checkProposal } from './pinning.ts';
import type { LightForm } from './publisher.ts';
import type {
  Changed,
  ChangeOptions,
  ChangeResult,
  Effect,
  GateView,
  MoveResult,
  PendingPins,
  Registry,
  RegistryFaultCode,
  SignedSet,
} from './registry.ts';
import { RegistryKeeper } from './registry-keeper.ts';
import { prepareNextKeys, settleKeys } from './release-keys.ts';
import { byRegistry, SetSigner, type SigningTimes } from './set-signer.ts';

export type RegistryParts = Readonly<{
  engine: Engine;
  vault: KeyStore;
  build: string;
  times: SigningTimes;
  lightForm?: LightForm | undefined;
  clock?: () => EpochMs;
  /** For the operator's log: what went wrong and is tried again. */
  trouble?: (code: string, message: string) => void;
}>;

/** See registry.ts. */
export class ReleaseRegistry implements Registry {
  readonly federation: FederationId;
  readonly reports: AgentReports;
  readonly #engine: Engine;
  readonly #vault: KeyStore;
  readonly #clock: () => EpochMs;
  readonly #signer: SetSigner;
  readonly #keeper: RegistryKeeper;
  readonly #followers = new Set<(set: SignedSet) => void>();
  #served: ReadonlyMap<Digest, number> = new Map();
  #servedFor: unknown;
  #pins: Pins | null = null;

  private constructor(parts: RegistryParts, signer: SetSigner) {
    const { engine, vault, build, lightForm, clock = Date.now, trouble = () => {} } = parts;
    this.federation = engine.federation;
    this.#engine = engine;
    this.#vault = vault;
    this.#clock = clock;
    this.#signer = signer;
    this.reports = new AgentReports(engine, clock);
    this.#readPins(signer.served);
    this.#keeper = new RegistryKeeper({
      engine,
      build,
      lightForm,
      clock,
      trouble,
      signer,
      pins: () => this.#pins,
      signed: (set) => {
        this.#readPins(set);
        for (const listener of this.#followers) listener(set);
      },
    });
  }

  /** Founds the root where there is none, serves what was signed last, and does what is due. */
  static async open(parts: RegistryParts): Promise<Result<ReleaseRegistry, StoreFaultCode | BlobFaultCode>> {
    const { engine, vault, times, clock = Date.now } = parts;
    const rooted = await ensureRoot({ engine, vault, nowMs: clock() }, byRegistry);
    if (!rooted.ok) return rooted;
    const current = engine.state().metadata.roots.at(-1);
    const root = current && (await engine.blobs.get(current.digest));
    if (root?.ok) await settleKeys(vault, unwrap(openRoot(root.value))); // A crash may have come before it.
    const signer = new SetSigner({ engine, vault, times });
    await signer.restore();
    const registry = new ReleaseRegistry(parts, signer);
    registry.#keeper.wake();
    return ok(registry);
  }

  releases(track: TrackId): readonly Release[] | undefined {
    return this.releasing(track)?.releases.toReversed();
  }

  release(track: TrackId, version: number): Release | undefined {
    const releasing = this.releasing(track);
    return releasing && releaseOf(releasing, version);
  }

  releasing(track: TrackId): TrackReleasing | undefined {
    return this.#engine.state().tracks.get(track)?.releasing;
  }

  assignments(): readonly Assignment[] {
    return this.#engine.state().metadata.assignments;
  }

  agents(track: TrackId): readonly AgentState[] {
    return [...this.#engine.state().agents.values()].filter((agent) => agent.track === track);
  }

  gate(track: TrackId, version: number): GateView | undefined {
    const state = this.#engine.state();
    const known = state.tracks.get(track);
    const gate = known?.releasing.gates[version];
    if (known === undefined || gate === undefined) return undefined;
    const { policy, releasing } = known;
    if (policy.gate === undefined) {
      const now = { verdict: 'waiting', reasons: ['the policy of this track has no gate'] } as const;
      return { state: gate, now, deadlineMs: null, approvalsNeeded: 1 };
    }
    const question = {
      gate,
      policy: policy.gate,
      canaries: membersOf(state, track, 'canary'),
      stableVersion: releasing.channels.stable?.version ?? 0,
      nowMs: this.#clock(),
    };
    const deadlineMs = deadlineOf(gate, policy.gate);
    return { state: gate, now: decideGate(question), deadlineMs, approvalsNeeded: policy.gate.approvals };
  }

  resolved(track: TrackId): readonly Effect[] {
    return resolvedIn({ state: this.#engine.state(), pins: this.#pins ?? noPins }, this.#clock(), track);
  }

  signedSet(): SignedSet | undefined {
    return this.#signer.served;
  }

  pins(): Pins | null {
    return this.#pins;
  }

  async pendingPins(): Promise<PendingPins | null> {
    const { pendingPins } = this.#engine.state().metadata;
    const bytes = await this.#pendingBytes();
    const root = this.#root();
    if (pendingPins === null || bytes === undefined || root === undefined) return null;
    const pins = unwrap(openPins(bytes, this.federation));
    return { bytes, pins, signers: pendingPins.signers, threshold: root.roles.pins.threshold };
  }

  promote(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; version?: number; channel?: string }>,
  ): MoveResult {
    return this.#change(actor, change, (state) => planPromote(state, change));
  }

  rollBack(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version?: number }>): MoveResult {
    return this.#change(actor, change, (state) => planRollBack(state, change));
  }

  revoke(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version: number }>): ChangeResult {
    return this.#change(actor, change, (state) => planRevoke(state, change));
  }

  setChannel(actor: Actor, change: ChangeOptions & Parameters<typeof planSetChannel>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planSetChannel(state, change));
  }

  removeChannel(actor: Actor, change: ChangeOptions & Parameters<typeof planRemoveChannel>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planRemoveChannel(state, change));
  }

  assign(actor: Actor, change: ChangeOptions & Parameters<typeof planAssign>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planAssign(state, change));
  }

  unassign(actor: Actor, change: ChangeOptions & Parameters<typeof planUnassign>[1]): ChangeResult {
    return this.#change(actor, change, (state) => planUnassign(state, change));
  }

  overrideGate(actor: Actor, change: ChangeOptions & Parameters<typeof planOverride>[2]): ChangeResult {
    return this.#change(actor, change, (state) => planOverride(state, actor, change));
  }

  async proposePins(
    actor: Actor,
    { pins: bytes, reason, dryRun = false }: ChangeOptions & Readonly<{ pins: Uint8Array }>,
  ): Promise<
    Result<Changed & Readonly<{ pending: boolean; signers: readonly string[] }>, RegistryFaultCode | StoreFaultCode>
  > {
    const root = this.#root();
    if (root === undefined) return refuse('ROOT_ABSENT', 'nothing is signed yet; try again in a moment');
    const pending = await this.#pendingBytes();
    const nowMs = this.#clock();
    const check = (state: State) =>
      checkProposal(bytes, {
        root,
        federation: this.federation,
        current: state.metadata.pins === null ? noPins : (this.#pins ?? noPins),
        pending,
        catalogue: catalogueOf(state, 1, wholeSeconds(nowMs)),
        nowMs,
      });
    const checked = check(this.#engine.state());
    if (!checked.ok) return checked;
    const { pins, signers, missing } = checked.value;
    const { version, expiresAtMs } = pins;
    const stored = await store(this.#engine, { version, expiresAtMs, body: checked.value.bytes });
    if (!stored.ok) return storeFault(stored.fault);
    const changed = await this.#change(
      actor,
      { reason, dryRun },
      (state) => {
        const seen = this.#engine.state().metadata.pendingPins?.digest === state.metadata.pendingPins?.digest;
        if (!seen || (state.metadata.pins?.version ?? 0) !== version - 1) {
          return refuse('PINS_STALE', 'other pins were proposed meanwhile; fetch them and sign again');
        }
        const kind = missing === 0 ? 'pinsPublished' : 'pinsProposed';
        return ok({ events: [{ kind, pins: stored.value, signers, reason }], version });
      },
      missing === 0 ? pins : undefined,
    );
    return changed.ok ? ok({ ...changed.value, pending: missing > 0, signers }) : changed;
  }

  async publishRoot(
    actor: Actor,
    { root: bytes, pins, reason, dryRun = false }: ChangeOptions & Readonly<{ root: Uint8Array; pins?: Uint8Array }>,
  ): ChangeResult {
    const served = this.#signer.served;
    const current = this.#root();
    if (served === undefined || current === undefined) {
      return refuse('ROOT_ABSENT', 'nothing is signed yet; try again in a moment');
    }
    const checked = await checkNextRoot(bytes, pins, {
      vault: this.#vault,
      federation: this.federation,
      current,
      pins: served.pins?.body,
      pinsVersion: served.pins?.version ?? 0,
      nowMs: this.#clock(),
    });
    if (!checked.ok) return checked;
    const { root, pins: nextPins } = checked.value;
    const rootRef = await store(this.#engine, { version: root.version, expiresAtMs: root.expiresAtMs, body: bytes });
    if (!rootRef.ok) return storeFault(rootRef.fault);
    const events: JournalEvent[] = [{ kind: 'rootPublished', root: rootRef.value, reason }];
    if (pins !== undefined && nextPins !== undefined) {
      const { signers, ...head } = nextPins;
      const pinsRef = await store(this.#engine, { ...head, body: pins });
      if (!pinsRef.ok) return storeFault(pinsRef.fault);
      events.push({ kind: 'pinsPublished', pins: pinsRef.value, signers, reason });
    }
    const opened = pins === undefined ? undefined : unwrap(openPins(pins, this.federation));
    const plan = (state: State): Result<Plan, RegistryFaultCode> =>
      state.metadata.roots.length === root.version - 1
        ? ok({ events, version: root.version })
        : refuse('ROOT_INVALID', 'another root was published meanwhile');
    const changed = await this.#change(actor, { reason, dryRun }, plan, opened);
    if (changed.ok && !dryRun) await settleKeys(this.#vault, root);
    return changed;
  }

  async prepareKeys(): Promise<Result<Readonly<Record<'release' | 'snapshot' | 'timestamp', Uint8Array>>, never>> {
    const { targets, snapshot, timestamp } = await prepareNextKeys(this.#vault);
    return ok({ release: targets, snapshot, timestamp });
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
    const trusted = given?.value ?? this.#root();
    if (trusted === undefined) return refuse('ROOT_ABSENT', 'nothing is signed yet; try again in a moment');
    const unreasoned = reasonFault(reason);
    if (unreasoned !== undefined) return { ok: false, fault: unreasoned };
    const { blobs } = this.#engine;
    const state = () => this.#engine.state();
    const imported = await readReleaseFile(file, { blobs, federation: this.federation, trusted, state, dryRun });
    if (!imported.ok) return storeFault(imported.fault);
    const { track, version } = imported.value.manifest;
    const changed = await this.#change(actor, { reason, dryRun }, (now) => {
      const event = importEvent(now, imported.value);
      return event.ok ? ok({ events: [event.value], version }) : event;
    });
    return changed.ok ? ok({ ...changed.value, track }) : changed;
  }

  exportRelease(track: TrackId, version: number): Result<AsyncIterable<Uint8Array>, RegistryFaultCode> {
    if (this.releasing(track) === undefined) return refuse('TRACK_NOT_FOUND', `there is no track ${track}`);
    const release = this.release(track, version);
    if (release === undefined) return refuse('VERSION_NOT_FOUND', `track ${track} has no release ${version}`);
    return exportRelease(this.#engine.blobs, this.#signer.served, release);
  }

  follow(listener: (set: SignedSet) => void): () => void {
    this.#followers.add(listener);
    return () => void this.#followers.delete(listener);
  }

  /** How many listen for newly signed sets: the open Subscribe streams. */
  get followerCount(): number {
    return this.#followers.size;
  }

  /** Files of releases and their manifests, as long as they are not retired. */
  servedBytes(digest: Digest): number | undefined {
    const { tracks } = this.#engine.state();
    const releases = [...tracks.values()].map(({ releasing }) => releasing.releases);
    // Built anew when a release came or went: the lists are replaced, never changed.
    const known = this.#servedFor as typeof releases | undefined;
    if (known?.length !== releases.length || releases.some((list, index) => list !== known[index])) {
      this.#servedFor = releases;
      this.#served = new Map(
        releases
          .flat()
          .flatMap(({ retired, manifest, manifestDigest, manifestBytes }) =>
            retired
              ? []
              : [
                  [manifestDigest, manifestBytes] as const,
                  ...manifest.files.map((file) => [file.digest, file.bytes] as const),
                ],
          ),
      );
    }
    return this.#served.get(digest);
  }

  /** Resolves when everything that was due is done, or does not work. */
  settled(): Promise<void> {
    return this.#keeper.settled();
  }

  trouble(): Fault | undefined {
    return this.#keeper.fault;
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }

  /** Plans against the newest state and writes what was planned; a dry run ends before the writing. */
  async #change(
    actor: Actor,
    { reason, dryRun = false }: ChangeOptions,
    plan: (state: State) => Result<Plan, RegistryFaultCode>,
    newPins?: Pins,
  ): MoveResult {
    const unreasoned = reasonFault(reason);
    if (unreasoned !== undefined) return { ok: false, fault: unreasoned };
    const pins = this.#pins ?? noPins;
    const effectsIn = (state: State, events: readonly JournalEvent[], atMs: EpochMs) =>
      effectsOf({ state, pins }, { state: stateAfter(state, actor, atMs, events), pins: newPins ?? pins }, atMs);
    if (dryRun) {
      const state = this.#engine.state();
      const planned = plan(state);
      if (!planned.ok) return planned;
      const { events, version } = planned.value;
      return ok({ sequence: 0, effects: effectsIn(state, events, this.#clock()), version });
    }
    const committed = await this.#engine.commit(actor, (state, atMs) => {
      const planned = plan(state);
      if (!planned.ok) return planned;
      const { events, version } = planned.value;
      return ok({ events, value: { effects: effectsIn(state, events, atMs), version } });
    });
    if (!committed.ok) return committed;
    // The answer follows the signature, unless signing is in trouble: then what was journalled is signed later.
    this.#keeper.wake();
    await this.#keeper.settled();
    return ok({ sequence: committed.value.entries.at(-1)?.seq ?? 0, ...committed.value.value });
  }

  /** The root in force, as it is served. */
  #root(): ReleaseRoot | undefined {
    const body = this.#signer.served?.roots.at(-1)?.body;
    return body && unwrap(openRoot(body));
  }

  async #pendingBytes(): Promise<Uint8Array | undefined> {
    const { pendingPins } = this.#engine.state().metadata;
    if (pendingPins === null) return undefined;
    const bytes = await this.#engine.blobs.get(pendingPins.digest);
    return bytes.ok ? bytes.value : undefined;
  }

  #readPins(set: SignedSet | undefined): void {
    if (set?.pins) this.#pins = unwrap(openPins(set.pins.body, this.federation));
  }
}

/** What the blob store says, in the words that callers know. */
function storeFault<Code extends string>({
  code,
  message,
}: Fault<Code>): Readonly<{ ok: false; fault: Fault<Exclude<Code, BlobFaultCode> | 'DISK_FULL' | 'JOURNAL_IO'> }> {
  switch (code) {
    case 'BLOB_NOT_FOUND':
    case 'BLOB_IO':
    case 'DIGEST_MISMATCH':
    case 'LENGTH_MISMATCH':
    case 'OFFSET_MISMATCH':
    case 'UPLOAD_BUSY':
      return refuse('JOURNAL_IO', message);
    default:
      return { ok: false, fault: { code, message } as Fault<Exclude<Code, BlobFaultCode> | 'DISK_FULL'> };
  }
}
