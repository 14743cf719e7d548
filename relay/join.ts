import { z } from 'zod';
import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import { digestOf } from '../proto/digest.ts';

/** What the parent's record says of one region's update, as its relay signed it. */
export type RegionPart = Readonly<{ region: string; provenanceDigest: string }>;

/** What the parent's record says of the round. */
export type ParentRound = Readonly<{ track: string; round: string; baseDigest: string }>;

export type Joined = Readonly<{
  region: string;
  /** Of the region's own federation. */
  federation: string;
  round: string;
  /** By name, with what the region's rule made of each. */
  members: readonly Readonly<{ cluster: string; verdict: string; provenance: string | null }>[];
}>;

/** Of provenance, what a join looks at. */
const shape = z.looseObject({
  format: z.literal('testudo/provenance/1'),
  federation: z.string(),
  track: z.string(),
  round: z.string(),
  base: z.looseObject({ digest: z.string() }),
  updates: z.array(z.looseObject({ cluster: z.string(), verdict: z.string(), provenance: z.string().optional() })),
});

/**
 * Holds one region's provenance, the bytes that the region keeps, against what the parent's record says of its update: the very
 * bytes whose digest the relay signed, of the same track, from the same model. Then who is named in them is who went in.
 */
export function joinRegion(
  { track, baseDigest }: ParentRound,
  { region, provenanceDigest }: RegionPart,
  provenance: Uint8Array,
): Result<Joined, 'JOIN_BROKEN'> {
  const broken = (why: string): { ok: false; fault: Fault<'JOIN_BROKEN'> } =>
    refuse('JOIN_BROKEN', `${region}: ${why}`, { region });
  if (provenanceDigest === '') return broken('its update named no provenance: it is no relay, or an older one');
  if (digestOf(provenance) !== provenanceDigest)
    return broken(`these bytes do not have the digest ${provenanceDigest}`);
  const parsed = shape.safeParse(jsonOf(provenance));
  if (!parsed.success) return broken('what has that digest is no provenance');
  const { federation, round, updates, ...said } = parsed.data;
  if (said.track !== track) return broken(`it is of track ${said.track}, not of ${track}`);
  if (said.base.digest !== baseDigest) {
    return broken(`its round started from ${said.base.digest}, the parent's from ${baseDigest}`);
  }
  const members = updates.map(({ cluster, verdict, provenance: own = null }) => ({
    cluster,
    verdict,
    provenance: own,
  }));
  return ok({ region, federation, round, members: members.sort((a, b) => (a.cluster < b.cluster ? -1 : 1)) });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
