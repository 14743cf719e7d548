import { z } from 'zod';
import { parsePolicy } from '../../aggregation/policy.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { firstProblem } from '../../base/text/problem-text.ts';
import { checkDeclaredClasses } from '../../proto/declared-classes.ts';
import {
  type ClassName,
  type ClusterId,
  type Digest,
  type FederationId,
  isClusterId,
  isDigest,
  isFederationId,
  isRoundId,
  isTrackId,
  type RoundId,
  type TrackId,
} from '../../proto/ids.ts';
import { checkSpec, schemaDigest } from '../../proto/model-spec.ts';
import type { ServerOptimiser } from '../round/policy.ts';
import type { AggregationJob, TileJob } from './job.ts';

const digest = z.custom<Digest>(isDigest, 'a digest');
const cluster = z.custom<ClusterId>(isClusterId, 'a cluster id');
const declared = z.custom<readonly ClassName[]>(
  (value) => (checkDeclaredClasses(value)?.length ?? 0) > 0,
  'class names',
);
const whole = z.int().min(0);
const finite = z.number();

const optimiser: z.ZodType<ServerOptimiser> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain'), learningRate: finite }),
  z.strictObject({ kind: z.literal('momentum'), learningRate: finite, momentum: finite }),
  z.strictObject({ kind: z.literal('adam'), learningRate: finite, beta1: finite, beta2: finite, epsilon: finite }),
]);

const shape = z.strictObject({
  id: z.string().regex(/^aggregate\.[a-z0-9.-]{1,200}$/),
  federation: z.custom<FederationId>(isFederationId, 'a federation id'),
  track: z.custom<TrackId>(isTrackId, 'a track id'),
  round: z.custom<RoundId>(isRoundId, 'a round id'),
  spec: z.unknown(),
  schemaDigest: digest,
  policy: z.unknown(),
  optimiser,
  base: z.strictObject({ version: whole, digest }),
  sample: digest.optional(),
  sampleHolds: z.literal(true).optional(),
  optimiserState: digest.nullable(),
  candidateVersion: whole,
  keyName: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,199}$/),
  updates: z.array(
    z.strictObject({
      cluster,
      payloadDigest: digest,
      payloadBytes: whole,
      baseDigest: digest,
      staleness: whole,
      scale: z.number().gt(0).max(1),
      classes: declared.optional(),
      provenance: digest.optional(),
    }),
  ),
  expelled: z.array(z.strictObject({ cluster, payloadDigest: digest, code: z.string().max(64) })),
  tiles: z.strictObject({ rows: z.int().min(1).max(100_000), digests: z.array(digest).max(100_000) }).optional(),
});

const tileShape = z.strictObject({ job: z.unknown(), rows: z.int().min(1).max(100_000) });

/** As `parseJob`, a tile of one. */
export function parseTile(found: unknown): Result<TileJob, 'JOB_INVALID'> {
  const parsed = tileShape.safeParse(found);
  if (!parsed.success) return invalid('not a tile');
  const job = parseJob(parsed.data.job);
  if (!job.ok) return job;
  if (parsed.data.rows > job.value.updates.length) return invalid('rows: more than the updates of the tile');
  return ok({ job: job.value, rows: parsed.data.rows });
}

/**
 * A job that came from elsewhere, checked: digests become paths, and numbers are multiplied with. Every field is there and
 * within its limits, and the schema digest is the spec's.
 */
export function parseJob(found: unknown): Result<AggregationJob, 'JOB_INVALID'> {
  const parsed = shape.safeParse(found);
  if (!parsed.success) return invalid(firstProblem(parsed.error, 'shape'));
  const { spec, policy, ...rest } = parsed.data;
  const checkedSpec = checkSpec(spec);
  if (!checkedSpec.ok) return invalid(`spec: ${checkedSpec.fault.message}`);
  if (schemaDigest(checkedSpec.value) !== rest.schemaDigest) return invalid('schemaDigest is not the digest of spec');
  const checkedPolicy = parsePolicy(policy);
  if (!checkedPolicy.ok) return invalid(`policy: ${checkedPolicy.fault.message}`);
  return ok({ ...rest, spec: checkedSpec.value, policy: checkedPolicy.value });
}

function invalid(why: string) {
  return refuse('JOB_INVALID', `aggregation job: ${why}; coordinator and worker may be of different versions`);
}
