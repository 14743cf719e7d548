import { failpoint } from '../../../base/failpoint.ts';
import { ok, type Result, refuse, unwrap } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { openRoot } from '../../../proto/release/open.ts';
import { signCatalogue, signSnapshot, signTimestamp } from '../../../proto/release/sign.ts';
import type { BlobFaultCode } from '../../blobs/blob-store.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import type { Actor } from '../../ledger/journal/events.ts';
import type { MetadataRef } from '../../ledger/state/releasing.ts';
import type { Store, StoreFaultCode } from '../../ledger/store.ts';
import { catalogueOf } from '../decide/catalogue-of.ts';
import type { RegistryFaultCode } from '../decide/faults.ts';
import { wholeSeconds } from './found-root.ts';
import { type OnlineRole, onlineKeysOf } from './release-keys.ts';
import type { SignedPiece, SignedSet } from './signed-set.ts';

export const byRegistry: Actor = { kind: 'coordinator', part: 'registry' };

/** How long signatures last, and when they are made again. */
export type SigningTimes = Readonly<{
  timestampLifeMs: number;
  /** The timestamp is signed anew so often: what an attacker who holds an agent back can hide is as old as this. */
  timestampEveryMs: number;
  /** Of catalogue and snapshot; signed anew when half of it is over. */
  catalogueLifeMs: number;
}>;

export type SignFaultCode =
  | Extract<RegistryFaultCode, 'RELEASE_KEY_ABSENT' | 'ROOT_ABSENT'>
  | StoreFaultCode
  | BlobFaultCode;

type SignerParts = Readonly<{
  store: Store;
  vault: KeyStore;
  times: SigningTimes;
}>;

/**
 * Signs the set that agents get, and holds the one in force. A set is stored, then journalled, and only then served:
 * whatever crashes between, no two different sets of one version are ever seen.
 *
 * Every run signs the whole set anew before it serves any. What an earlier run signed may not cover the newest root,
 * which was published while nobody ran; and out of a backup it is older than what agents have accepted since.
 */
export class SetSigner {
  readonly #parts: SignerParts;
  #served: SignedSet | undefined;

  constructor(parts: SignerParts) {
    this.#parts = parts;
  }

  /** Signed in this run. */
  get served(): SignedSet | undefined {
    return this.#served;
  }

  /** What is due by now: everything, the timestamp alone, or nothing. */
  due(nowMs: EpochMs): 'set' | 'timestamp' | null {
    const { set, changedSeq } = this.#parts.store.state().metadata;
    const { catalogueLifeMs } = this.#parts.times;
    if (set === null || this.#served === undefined || changedSeq > set.coversSeq) return 'set';
    const oldest = Math.min(set.catalogue.expiresAtMs, set.snapshot.expiresAtMs);
    if (oldest - nowMs <= catalogueLifeMs / 2) return 'set';
    return nowMs >= this.#timestampDueMs(set.timestamp) ? 'timestamp' : null;
  }

  /** When something becomes due by time alone; null while nothing was ever signed. */
  nextDueMs(): EpochMs | null {
    const { set } = this.#parts.store.state().metadata;
    if (set === null) return null;
    const { catalogueLifeMs } = this.#parts.times;
    const oldest = Math.min(set.catalogue.expiresAtMs, set.snapshot.expiresAtMs);
    return Math.min(this.#timestampDueMs(set.timestamp), oldest - catalogueLifeMs / 2);
  }

  /** Signs what is due and serves it. The state must have a root. */
  async sign(nowMs: EpochMs): Promise<Result<SignedSet, SignFaultCode>> {
    const { store, times } = this.#parts;
    const state = store.state();
    const { metadata } = state;
    const roots = await this.#readRoots();
    const pins = metadata.pins === null ? null : await this.#read(metadata.pins);
    if (roots === undefined || pins === undefined) {
      return refuse('ROOT_ABSENT', 'root or pins metadata is not in the blob store; restore blobs/ from a backup');
    }
    const opened = openRoot((roots.at(-1) as SignedPiece).body);
    if (!opened.ok) throw new Error(`our own root does not open: ${opened.fault.message}`);
    const root: ReleaseRoot = opened.value;
    const before = metadata.set;
    const [targetKeys, snapshotKeys, timestampKeys] = await Promise.all([
      this.#keysFor(root, 'targets'),
      this.#keysFor(root, 'snapshot'),
      this.#keysFor(root, 'timestamp'),
    ]);
    for (const keys of [targetKeys, snapshotKeys, timestampKeys]) if (!keys.ok) return keys;
    const refresh = this.due(nowMs) === 'timestamp' ? this.#served : undefined;

    const { federation } = store;
    const lastingMs = wholeSeconds(nowMs + times.catalogueLifeMs);
    // Of now: the state goes on while the pieces are stored, and what it then holds is not in the catalogue.
    const coversSeq = refresh === undefined ? state.seq : (before?.coversSeq ?? state.seq);
    const catalogueVersion = nextVersion(before?.catalogue.version, nowMs);
    const catalogue =
      refresh?.catalogue ??
      piece(catalogueVersion, lastingMs, () =>
        signCatalogue(catalogueOf(state, catalogueVersion, lastingMs), federation, unwrap(targetKeys)),
      );
    const snapshotVersion = nextVersion(before?.snapshot.version, nowMs);
    const snapshot =
      refresh?.snapshot ??
      piece(snapshotVersion, lastingMs, () => {
        const content = {
          version: snapshotVersion,
          expiresAtMs: lastingMs,
          catalogue: catalogue.body,
          pins: pins?.body ?? null,
        };
        return signSnapshot(content, federation, unwrap(snapshotKeys));
      });
    const timestampVersion = nextVersion(before?.timestamp.version, nowMs);
    const shortMs = wholeSeconds(nowMs + times.timestampLifeMs);
    const timestamp = piece(timestampVersion, shortMs, () => {
      const content = { version: timestampVersion, expiresAtMs: shortMs, snapshot: snapshot.body };
      return signTimestamp(content, federation, unwrap(timestampKeys));
    });

    for (const signed of [catalogue, snapshot, timestamp]) {
      const stored = await store.blobs.put(signed.body);
      if (!stored.ok) return stored;
    }
    failpoint('release-set-stored');
    const journalled = await store.commit<void, never>(byRegistry, () =>
      ok({
        events: [
          {
            kind: 'releaseSetSigned',
            catalogue: refOf(catalogue),
            snapshot: refOf(snapshot),
            timestamp: refOf(timestamp),
            coversSeq,
          },
        ],
        value: undefined,
      }),
    );
    if (!journalled.ok) return journalled;
    failpoint('release-set-journalled');
    const signed = { roots, timestamp, snapshot, catalogue, pins };
    this.#served = signed;
    await this.#forget(before, signed);
    return ok(signed);
  }

  /** Superseded pieces are of no use to anyone. */
  async #forget(
    before: Readonly<{ catalogue: MetadataRef; snapshot: MetadataRef; timestamp: MetadataRef }> | null,
    now: SignedSet,
  ) {
    if (before === null) return;
    const kept = new Set([now.catalogue.digest, now.snapshot.digest, now.timestamp.digest]);
    for (const { digest } of [before.catalogue, before.snapshot, before.timestamp]) {
      if (!kept.has(digest)) await this.#parts.store.blobs.remove(digest);
    }
  }

  async #keysFor(root: ReleaseRoot, role: OnlineRole): Promise<Result<SigningKeyPair[], 'RELEASE_KEY_ABSENT'>> {
    const keys = await onlineKeysOf(this.#parts.vault, root, role);
    const { threshold } = root.roles[role];
    if (keys.length >= threshold) return ok(keys);
    return refuse(
      'RELEASE_KEY_ABSENT',
      `root ${root.version} asks for ${threshold} keys of role ${role} and ${keys.length} are in keys/: ` +
        'restore them, or publish a root that names those of `testudo root keys`',
    );
  }

  async #readRoots(): Promise<readonly SignedPiece[] | undefined> {
    const { roots } = this.#parts.store.state().metadata;
    if (roots.length === 0) return undefined;
    const held = this.#served?.roots ?? [];
    const read = await Promise.all(roots.map((ref, index) => held[index] ?? this.#read(ref)));
    return read.every((one) => one !== undefined) ? read : undefined;
  }

  async #read(ref: MetadataRef): Promise<SignedPiece | undefined> {
    const body = await this.#parts.store.blobs.get(ref.digest);
    const { version, digest, bytes, expiresAtMs } = ref;
    return body.ok ? { version, digest, bytes, expiresAtMs, body: body.value } : undefined;
  }

  #timestampDueMs({ expiresAtMs }: MetadataRef): EpochMs {
    const { timestampLifeMs, timestampEveryMs } = this.#parts.times;
    return expiresAtMs - timestampLifeMs + Math.min(timestampEveryMs, timestampLifeMs / 2);
  }
}

/**
 * Grows by at least one, and with the clock: a coordinator that goes on from a backup is not behind what its agents
 * have seen since, unless more sets than seconds went by. Seconds since the epoch stay below 2^32 until 2106.
 */
function nextVersion(before: number | undefined, nowMs: EpochMs): number {
  return Math.max((before ?? 0) + 1, Math.floor(nowMs / 1000));
}

function piece(version: number, expiresAtMs: EpochMs, sign: () => Uint8Array): SignedPiece {
  const body = sign();
  return { version, expiresAtMs, body, digest: digestOf(body), bytes: body.byteLength };
}

function refOf({ version, digest, bytes, expiresAtMs }: SignedPiece): MetadataRef {
  return { version, digest, bytes, expiresAtMs };
}
