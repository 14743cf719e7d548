import { ok, type Result } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { keyIdOf } from '../../../proto/release/documents/key-id.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import type { BlobFaultCode } from '../../blobs/blob-store.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { Actor, JournalEvent } from '../../ledger/journal/events.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';
import { currentRoot, keepDocument } from './documents.ts';
import { type DocumentLifetimes, foundRoot, lifetimesDefault, type NewRoot, rootWithPinKey } from './found-root.ts';

type Parts = Readonly<{ store: Store; vault: KeyStore; nowMs: EpochMs; lifetimes?: DocumentLifetimes | undefined }>;
type FoundingFault = StoreFaultCode | BlobFaultCode;

/**
 * Makes the first root, with its keys, where there is none: in a new data directory, and in one of an earlier version.
 * `pin`: a key that root names for pins, now or in its next version. Says whether root names it.
 */
export async function ensureRoot(
  { store, vault, nowMs, lifetimes = lifetimesDefault }: Parts,
  actor: Actor,
  pin?: SigningKeyPair,
): Promise<Result<boolean, FoundingFault>> {
  const current = await currentRoot(store);
  if (!current.ok) return current;
  if (current.value === undefined) {
    const founded = await keep(
      store,
      actor,
      await foundRoot(vault, store.federation, nowMs, lifetimes, pin),
      'founded',
      pin,
    );
    return founded.ok ? ok(pin !== undefined) : founded;
  }
  if (pin === undefined) return ok(false);
  const named = (root: ReleaseRoot) =>
    root.roles.pins.publicKeys.some((key) => keyIdOf(key) === keyIdOf(pin.publicKey));
  const next = await rootWithPinKey(vault, current.value, nowMs, lifetimes, pin);
  if (next === undefined) return ok(named(current.value));
  const kept = await keep(store, actor, next, "names a further operator's key for pins", pin);
  return kept.ok ? ok(true) : kept;
}

async function keep(
  store: Store,
  actor: Actor,
  { root, pins }: NewRoot,
  reason: string,
  pin: SigningKeyPair | undefined,
): Promise<Result<void, FoundingFault>> {
  const rootRef = await keepDocument(store, root);
  if (!rootRef.ok) return rootRef;
  const events: JournalEvent[] = [{ kind: 'rootPublished', root: rootRef.value, reason }];
  if (pins !== undefined && pin !== undefined) {
    const pinsRef = await keepDocument(store, pins);
    if (!pinsRef.ok) return pinsRef;
    events.push({ kind: 'pinsPublished', pins: pinsRef.value, signers: [keyIdOf(pin.publicKey)], reason });
  }
  const kept = await store.commit<void, never>(actor, (state) => {
    if (state.metadata.roots.length !== root.version - 1)
      throw new Error(`root ${root.version} was published meanwhile`);
    return ok({ events, value: undefined });
  });
  return kept.ok ? ok(undefined) : kept;
}
