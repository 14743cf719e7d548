import type { EpochMs } from '../../../base/time.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { FederationId } from '../../../proto/ids.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { signPins, signRoot } from '../../../proto/release/sign.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { Document } from './documents.ts';
import { isNamed, makeReleaseKey, releaseRootKey } from './release-keys.ts';

const dayMs = 86_400_000;

/** How long what people sign lasts, where the coordinator makes the first of it. */
export type DocumentLifetimes = Readonly<{ rootMs: number; pinsMs: number }>;

/** A root is renewed by people with offline keys: often enough to be practised, seldom enough to be done with care. */
export const lifetimesDefault: DocumentLifetimes = { rootMs: 730 * dayMs, pinsMs: 365 * dayMs };

/** A root, and the first pins where it is the first that names a key for them. */
export type NewRoot = Readonly<{ root: Document; pins: Document | undefined }>;

/** As an operator has configured them. */
export function lifetimesOf({
  rootDays,
  pinsDays,
}: Readonly<{ rootDays: number; pinsDays: number }>): DocumentLifetimes {
  return { rootMs: rootDays * dayMs, pinsMs: pinsDays * dayMs };
}

/** The first root, with fresh keys in the vault. `pin`: the first operator's key for pins, where there is one already. */
export async function foundRoot(
  vault: KeyStore,
  federation: FederationId,
  nowMs: EpochMs,
  lifetimes: DocumentLifetimes,
  pin?: SigningKeyPair,
): Promise<NewRoot> {
  const key = await makeReleaseKey(vault, 'root');
  const single = ({ publicKey }: SigningKeyPair) => ({ publicKeys: [publicKey], threshold: 1 });
  const root: ReleaseRoot = {
    federation,
    version: 1,
    expiresAtMs: wholeSeconds(nowMs + lifetimes.rootMs),
    roles: {
      root: single(key),
      timestamp: single(await makeReleaseKey(vault, 'timestamp')),
      snapshot: single(await makeReleaseKey(vault, 'snapshot')),
      targets: single(await makeReleaseKey(vault, 'targets')),
      pins: pin === undefined ? { publicKeys: [], threshold: 1 } : single(pin),
    },
  };
  return { root: rootDocument(root, key), pins: pin && emptyPins(federation, nowMs + lifetimes.pinsMs, pin) };
}

/**
 * The next root, which also names `pin` for pins; undefined when it is named already, or when root's keys are elsewhere
 * or more than one must sign: then an operator publishes it.
 */
export async function rootWithPinKey(
  vault: KeyStore,
  root: ReleaseRoot,
  nowMs: EpochMs,
  lifetimes: DocumentLifetimes,
  pin: SigningKeyPair,
): Promise<NewRoot | undefined> {
  const key = await releaseRootKey(vault);
  if (key === undefined || !isNamed(root, 'root', key.publicKey) || root.roles.root.threshold > 1) return undefined;
  if (isNamed(root, 'pins', pin.publicKey)) return undefined;
  const { publicKeys, threshold } = root.roles.pins;
  const next: ReleaseRoot = {
    ...root,
    version: root.version + 1,
    expiresAtMs: wholeSeconds(nowMs + lifetimes.rootMs),
    roles: { ...root.roles, pins: { publicKeys: [...publicKeys, pin.publicKey], threshold } },
  };
  const pins = publicKeys.length === 0 ? emptyPins(root.federation, nowMs + lifetimes.pinsMs, pin) : undefined;
  return { root: rootDocument(next, key), pins };
}

/** As metadata says times. */
export function wholeSeconds(atMs: EpochMs): EpochMs {
  return Math.floor(atMs / 1000) * 1000;
}

function rootDocument(root: ReleaseRoot, key: SigningKeyPair): Document {
  return { version: root.version, expiresAtMs: root.expiresAtMs, body: signRoot(root, [key]) };
}

function emptyPins(federation: FederationId, untilMs: EpochMs, key: SigningKeyPair): Document {
  const expiresAtMs = wholeSeconds(untilMs);
  return { version: 1, expiresAtMs, body: signPins({ version: 1, expiresAtMs, pins: [] }, federation, [key]) };
}
