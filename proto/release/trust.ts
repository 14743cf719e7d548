import { z } from 'zod';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { newerMember } from '../../base/text/newer-member.ts';
import { type Digest, type FederationId, isDigest, isFederationId, isTrackId, type TrackId } from '../ids.ts';
import { isReleaseVersion, metadataBytesMax, metadataVersionMax } from './documents/names.ts';
import { checkSigned, decodeRoot, type ReleaseRoot } from './documents/root.ts';
import type { ReleaseFaultCode } from './faults.ts';

/** One version, one digest: the same version with other bytes is refused. */
export type Accepted = Readonly<{ version: number; digest: Digest }>;

/** The pieces of a set, by what was last accepted of each. */
export type AcceptedPieces = Readonly<Record<'timestamp' | 'snapshot' | 'catalogue' | 'pins', Accepted | null>>;

/**
 * What an agent trusts, as a plain value that survives JSON. Keep it in one file, replaced atomically and fsynced;
 * read it back with `parseTrust`.
 */
export type ReleaseTrust = Readonly<{
  format: 'testudo/release-trust/1';
  federation: FederationId;
  /** The newest root metadata, as text (canonical JSON): it says whose signatures count. */
  root: string;
  /**
   * What was last accepted in full; null before the first time. A piece is null when a key that could have signed it was
   * taken away since (`followRoots`), and pins also where the root names no keys for them.
   */
  accepted: AcceptedPieces | null;
  /** The highest floor seen, by track. Empty again after a release key was taken away: a thief's floor goes with it. */
  floors: Readonly<Record<TrackId, number>>;
}>;

const accepted = z.strictObject({
  version: z.int().min(1).max(metadataVersionMax),
  digest: z.custom<Digest>(isDigest, 'a digest'),
});

const shape = z.strictObject({
  format: z.literal('testudo/release-trust/1'),
  federation: z.custom<FederationId>(isFederationId, 'a federation id'),
  root: z.string().max(metadataBytesMax),
  accepted: z
    .strictObject({
      timestamp: accepted.nullable(),
      snapshot: accepted.nullable(),
      catalogue: accepted.nullable(),
      pins: accepted.nullable(),
    })
    .nullable(),
  floors: z.record(z.custom<TrackId>(isTrackId, 'a track id'), z.custom<number>(isReleaseVersion, 'a version')),
});

/**
 * The trust anchor, from root metadata that came over an authenticated channel. It must be signed by its own threshold;
 * any version will do, expired or not, since roots that follow it may be newer.
 */
export function anchorTrust(rootBytes: Uint8Array): Result<ReleaseTrust, ReleaseFaultCode> {
  const decoded = decodeRoot(rootBytes);
  if (!decoded.ok) return decoded;
  const { root, signed } = decoded.value;
  const counted = checkSigned(root, 'root', signed);
  if (!counted.ok) return counted;
  const { federation } = root;
  const text = Buffer.from(rootBytes).toString('utf8');
  return ok({ format: 'testudo/release-trust/1', federation, root: text, accepted: null, floors: {} });
}

/** A stored trust, checked. Of one that a newer build wrote, and that is not damaged, the fault has `fields.isNewer`. */
export function parseTrust(candidate: unknown): Result<ReleaseTrust, 'TRUST_INVALID'> {
  const parsed = shape.safeParse(candidate);
  if (!parsed.success) {
    const newer = newerMember(parsed.error);
    if (newer !== undefined) {
      const why = `stored trust: ${newer} is a newer build's; start that one, or a newer`;
      return refuse('TRUST_INVALID', why, { isNewer: true });
    }
    const at = parsed.error.issues[0]?.path.join('.') || 'shape';
    return refuse('TRUST_INVALID', `stored trust: ${at} is not as it was written; restore the file, or anchor anew`);
  }
  const trust = parsed.data;
  const anchored = anchorTrust(Buffer.from(trust.root, 'utf8'));
  if (anchored.ok && anchored.value.federation === trust.federation) return ok(trust);
  return refuse('TRUST_INVALID', 'stored trust: its root is not one; restore the file, or anchor anew');
}

/** Roots opened last, by their text: an agent walks from the same one many times, and opening it takes most of a walk. */
const opened = new Map<string, ReleaseRoot>();
const openedMax = 8;

/** The opened root of a trust. Throws where the trust came from neither `anchorTrust`, `parseTrust` nor a walk. */
export function trustedRoot(trust: ReleaseTrust): ReleaseRoot {
  const known = opened.get(trust.root);
  if (known !== undefined) return known;
  const decoded = decodeRoot(Buffer.from(trust.root, 'utf8'));
  if (!decoded.ok) throw new TypeError(`trust: ${decoded.fault.message}`);
  if (opened.size >= openedMax) opened.clear();
  opened.set(trust.root, decoded.value.root);
  return decoded.value.root;
}
