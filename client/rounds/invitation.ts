import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { checkDeclaredClasses } from '../../proto/declared-classes.ts';
import { vetRoundPublicKey } from '../../proto/envelope/crypto/keys.ts';
import type { RoundInvitation, TrainingPlan } from '../../proto/generated/testudo/v1/federation.ts';
import {
  type ClassName,
  type Digest,
  type FederationId,
  isDigest,
  isFederationId,
  isRoundId,
  isTrackId,
  type RoundId,
  type TrackId,
} from '../../proto/ids.ts';
import { bytesPerValue, layoutOf } from '../../proto/layout.ts';
import { checkSpec, type ModelSpec, schemaDigest } from '../../proto/model-spec.ts';
import type { MixedSample, Plan } from '../learning/plan.ts';

/** An invitation that was checked: every field is legal and they agree with one another. */
export type Invitation = Readonly<{
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  base: Readonly<{ version: number; digest: Digest; sizeBytes: number }>;
  spec: ModelSpec;
  schemaDigest: Digest;
  /** The round's X25519 key, 32 bytes. */
  roundKey: Uint8Array;
  /** By the coordinator's clock. */
  closesAtMs: number;
  plan: Plan;
  /** Of a model with blocks by class: those that this cluster may speak for, ascending. */
  approvedClasses: readonly ClassName[];
}>;

export type InvitationFault = 'INVITATION_INVALID';

/** Trusts nothing: a coordinator of another build, or one that was taken over, must not crash a client. */
export function readInvitation(message: RoundInvitation): Result<Invitation, InvitationFault> {
  const { federation, track, round, base, spec } = message;
  if (!isFederationId(federation)) return invalid('federation is not an id');
  if (!isTrackId(track)) return invalid('track is not an id');
  if (!isRoundId(round)) return invalid('round is not an id');
  if (base === undefined || spec === undefined || message.plan === undefined) {
    return invalid('base, spec and plan must all be set');
  }
  if (!isDigest(base.digest)) return invalid('base digest is not a digest');
  const read = readSpec(spec.canonicalJson);
  if (!read.ok) return read;
  const digest = schemaDigest(read.value);
  if (digest !== spec.schemaDigest || digest !== base.schemaDigest || base.track !== track) {
    return invalid('base and spec disagree about the schema or the track');
  }
  const sizeBytes = layoutOf(read.value).length * bytesPerValue;
  if (base.sizeBytes !== BigInt(sizeBytes)) {
    return invalid(`base is said to be ${base.sizeBytes} bytes; its spec implies ${sizeBytes}`);
  }
  // Before training: sealing to such a key is refused, and by then the round's privacy is spent.
  const roundKey = vetRoundPublicKey(Uint8Array.from(message.roundKey));
  if (!roundKey.ok) return invalid(roundKey.fault.message);
  if (message.closesAtMs > BigInt(Number.MAX_SAFE_INTEGER)) return invalid('closes_at_ms is beyond 2^53 - 1');
  if (base.version > BigInt(Number.MAX_SAFE_INTEGER)) return invalid('base version is beyond 2^53 - 1');
  const plan = readPlan(message.plan);
  if (!plan.ok) return plan;
  const approvedClasses = checkDeclaredClasses(message.approvedClasses);
  if (approvedClasses === undefined) return invalid('approved_classes must be at most 64 class names, ascending');
  return ok({
    federation,
    track,
    round,
    base: { version: Number(base.version), digest: base.digest, sizeBytes },
    spec: read.value,
    schemaDigest: digest,
    roundKey: roundKey.value,
    closesAtMs: Number(message.closesAtMs),
    plan: plan.value,
    approvedClasses,
  });
}

function readSpec(json: Uint8Array): Result<ModelSpec, InvitationFault> {
  if (json.length < 2 || json.length > 1_048_576) return invalid('spec must have 2 bytes to 1 MiB');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    return invalid('spec is not JSON');
  }
  const checked = checkSpec(value);
  return checked.ok ? checked : invalid(checked.fault.message);
}

/** Name, least, greatest and whether it is a whole number; as the contract says. */
const planBounds = [
  ['epochs', 1, 1_000, true],
  ['stepsMax', 1, 1_000_000, true],
  ['batchSize', 1, 4_096, true],
  ['learningRate', Number.MIN_VALUE, 10, false],
  ['clipNorm', 0, 1e6, false],
  ['noiseMultiplier', 0, 100, false],
  ['proximalMu', 0, 100, false],
  ['seed', 0, Number.MAX_SAFE_INTEGER, true],
] as const;

function readPlan(message: TrainingPlan): Result<Plan, InvitationFault> {
  const { sampleMix, sampleDigest, sampleBytes, ...rest } = message;
  const sample = readSample(sampleMix, sampleDigest, sampleBytes);
  if (!sample.ok) return sample;
  const plan: Plan = { ...rest, seed: Number(message.seed), ...(sample.value && { sample: sample.value }) };
  for (const [name, least, most, whole] of planBounds) {
    const value = plan[name];
    if (!(value >= least && value <= most) || (whole && !Number.isSafeInteger(value))) {
      return invalid(`plan.${name} must be ${least} to ${most}; got ${value}`);
    }
  }
  if (plan.noiseMultiplier > 0 && plan.clipNorm === 0) {
    return invalid('plan asks for noise without a clip norm: noise is a multiple of the clip norm');
  }
  return ok(plan);
}

/** Of a trusted sample, bytes: as the contract says. */
const sampleBytesMax = 1 << 20;

function readSample(mix: number, digest: string, bytes: bigint): Result<MixedSample | undefined, InvitationFault> {
  if (mix === 0) return ok(undefined);
  if (!(mix > 0 && mix <= 0.9)) return invalid(`plan.sampleMix must be 0 to 0.9; got ${mix}`);
  if (!isDigest(digest)) return invalid('plan.sampleDigest is not a digest');
  const sizeBytes = Number(bytes);
  if (!(sizeBytes >= 1 && sizeBytes <= sampleBytesMax)) return invalid('plan.sampleBytes must be 1 byte to 1 MiB');
  return ok({ mix, digest, sizeBytes });
}

function invalid(what: string): { ok: false; fault: Fault<InvitationFault> } {
  return refuse('INVITATION_INVALID', `invitation: ${what}`);
}
