import { ok, type Result, refuse, unwrap } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Pins } from '../../../proto/release/documents/catalogue.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { openPins } from '../../../proto/release/open.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { Actor, JournalEvent } from '../../ledger/journal/events.ts';
import type { State } from '../../ledger/state/state.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';
import { storeFault } from '../../ledger/store-fault.ts';
import { catalogueOf } from '../decide/catalogue-of.ts';
import type { Change, Changed, ChangeOptions, ChangeResult } from '../decide/change.ts';
import { noPins } from '../decide/effects.ts';
import type { RegistryFaultCode } from '../decide/faults.ts';
import type { Plan } from '../decide/planning.ts';
import { currentRoot, keepDocument, readDocument } from './documents.ts';
import { wholeSeconds } from './found-root.ts';
import { checkNextRoot } from './next-root.ts';
import { checkProposal } from './pinning.ts';
import { prepareNextKeys, settleKeys } from './release-keys.ts';

export type PendingPins = Readonly<{ bytes: Uint8Array; pins: Pins; signers: readonly string[]; threshold: number }>;

type Parts = Readonly<{ store: Store; vault: KeyStore; clock: () => EpochMs; change: Change }>;

/** Pins and roots: documents that people sign with keys that this coordinator has not. It checks, keeps and serves. */
export class SignedByPeople {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Pins that wait for further operators' signatures. */
  async pendingPins(): Promise<PendingPins | null> {
    const { store } = this.#parts;
    const { pendingPins } = store.state().metadata;
    const bytes = await readDocument(store, pendingPins);
    const root = await this.#root();
    if (pendingPins === null || bytes === undefined || root === undefined) return null;
    const pins = unwrap(openPins(bytes, store.federation));
    return { bytes, pins, signers: pendingPins.signers, threshold: root.roles.pins.threshold };
  }

  /** A signed pins document. Kept as pending until root's threshold of pin keys has signed the same version. */
  async proposePins(
    actor: Actor,
    { pins: bytes, reason, dryRun = false }: ChangeOptions & Readonly<{ pins: Uint8Array }>,
  ): Promise<
    Result<Changed & Readonly<{ pending: boolean; signers: readonly string[] }>, RegistryFaultCode | StoreFaultCode>
  > {
    const { store, clock, change } = this.#parts;
    const { federation } = store;
    const root = await this.#root();
    if (root === undefined) return rootAbsent();
    const { metadata } = store.state();
    const current = await readDocument(store, metadata.pins);
    const pending = await readDocument(store, metadata.pendingPins);
    const nowMs = clock();
    const checked = checkProposal(bytes, {
      root,
      federation,
      current: current === undefined ? noPins : unwrap(openPins(current, federation)),
      pending,
      catalogue: catalogueOf(store.state(), 1, wholeSeconds(nowMs)),
      antibodyBytes: (track, antibody) =>
        store
          .state()
          .tracks.get(track)
          ?.antibodies.find(({ digest }) => digest === antibody)?.bytes,
      nowMs,
    });
    if (!checked.ok) return checked;
    const { pins, signers, missing } = checked.value;
    const { version, expiresAtMs } = pins;
    const stored = await keepDocument(store, { version, expiresAtMs, body: checked.value.bytes });
    if (!stored.ok) return storeFault(stored.fault);
    const changed = await change(
      actor,
      { reason, dryRun },
      (state) => {
        if (state.metadata.roots.length !== root.version) {
          return refuse('PINS_STALE', 'another root was published meanwhile; fetch it, and sign by its keys');
        }
        const isSame = state.metadata.pendingPins?.digest === metadata.pendingPins?.digest;
        if (!isSame || (state.metadata.pins?.version ?? 0) !== version - 1) {
          return refuse('PINS_STALE', 'other pins were proposed meanwhile; fetch them and sign again');
        }
        const kind = missing === 0 ? 'pinsPublished' : 'pinsProposed';
        return ok({ events: [{ kind, pins: stored.value, signers, reason }], version });
      },
      missing === 0 ? pins : undefined,
    );
    return changed.ok ? ok({ ...changed.value, pending: missing > 0, signers }) : changed;
  }

  /** The next root, signed by the threshold of the old and of the new; with pins, where the old ones no longer verify. */
  async publishRoot(
    actor: Actor,
    { root: bytes, pins, reason, dryRun = false }: ChangeOptions & Readonly<{ root: Uint8Array; pins?: Uint8Array }>,
  ): ChangeResult {
    const { store, vault, clock, change } = this.#parts;
    const { federation } = store;
    const current = await this.#root();
    if (current === undefined) return rootAbsent();
    const { metadata } = store.state();
    // Whoever lost the answer asks again.
    if (metadata.roots.at(-1)?.digest === digestOf(bytes)) {
      return refuse('NOTHING_TO_CHANGE', `root ${current.version} is this very one, and is in force`);
    }
    const checked = await checkNextRoot(bytes, pins, {
      vault,
      federation,
      current,
      pins: await readDocument(store, metadata.pins),
      pinsVersion: metadata.pins?.version ?? 0,
      nowMs: clock(),
    });
    if (!checked.ok) return checked;
    const { root, pins: nextPins } = checked.value;
    const rootRef = await keepDocument(store, { version: root.version, expiresAtMs: root.expiresAtMs, body: bytes });
    if (!rootRef.ok) return storeFault(rootRef.fault);
    const events: JournalEvent[] = [{ kind: 'rootPublished', root: rootRef.value, reason }];
    if (pins !== undefined && nextPins !== undefined) {
      const { signers, ...head } = nextPins;
      const pinsRef = await keepDocument(store, { ...head, body: pins });
      if (!pinsRef.ok) return storeFault(pinsRef.fault);
      events.push({ kind: 'pinsPublished', pins: pinsRef.value, signers, reason });
    }
    const opened = pins === undefined ? undefined : unwrap(openPins(pins, federation));
    const plan = (state: State): Result<Plan, RegistryFaultCode> => {
      // What was checked against one another must be what stands: agents refuse a set of a root and pins that it does not know.
      if (state.metadata.roots.length !== root.version - 1) {
        return refuse('ROOT_INVALID', 'another root was published meanwhile');
      }
      if (state.metadata.pins?.digest !== metadata.pins?.digest) {
        return refuse('ROOT_INVALID', 'other pins were published meanwhile: fetch them, and sign them by its keys too');
      }
      return ok({ events, version: root.version });
    };
    const changed = await change(actor, { reason, dryRun }, plan, opened);
    if (changed.ok && !dryRun) await settleKeys(vault, root);
    return changed;
  }

  /** Makes the coordinator's next release, snapshot and timestamp keys: a root that names them switches to them. */
  async prepareKeys(): Promise<Result<Readonly<Record<'release' | 'snapshot' | 'timestamp', Uint8Array>>, never>> {
    const { targets, snapshot, timestamp } = await prepareNextKeys(this.#parts.vault);
    return ok({ release: targets, snapshot, timestamp });
  }

  /** The root in force. */
  async #root(): Promise<ReleaseRoot | undefined> {
    const root = await currentRoot(this.#parts.store);
    return root.ok ? root.value : undefined;
  }
}

function rootAbsent() {
  return refuse('ROOT_ABSENT', 'root metadata is not in the blob store; restore blobs/ from a backup');
}
