import { ok, type Result, refuse } from '../../base/fault.ts';
import { signingKeyPairOf, wipeKeyPair } from '../../proto/envelope/crypto/keys.ts';
import type { WorkerFaultCode } from '../../proto/envelope/files/envelope-worker.ts';
import type { SealFaultCode } from '../../proto/envelope/files/seal-writer.ts';
import { signHeader } from '../../proto/envelope/header.ts';
import { bytesPerValue } from '../../proto/layout.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { Invitation } from './invitation.ts';
import type { KeptUpdate, Outbox } from './outbox.ts';
import type { TrainedDelta, UplinkPorts } from './ports.ts';

export type KeepParts = Readonly<{ identity: ClusterIdentity; outbox: Outbox; seal: UplinkPorts['seal'] }>;

/** Why a delta is not kept. UPDATE_DROPPED: its round ended meanwhile. */
type KeepFaultCode = SealFaultCode | WorkerFaultCode | 'LENGTH_MISMATCH' | 'UPDATE_DROPPED';

/** Seals a delta to the round's key, signs the header and makes both durable. */
export async function keepUpdate(
  invitation: Invitation,
  { delta, exampleCount, classes, provenance }: TrainedDelta,
  { identity, outbox, seal }: KeepParts,
): Promise<Result<KeptUpdate, KeepFaultCode>> {
  const { federation, track, round, base, schemaDigest, roundKey, closesAtMs } = invitation;
  const plainBytes = delta.length * bytesPerValue;
  if (plainBytes !== base.sizeBytes) {
    return refuse('LENGTH_MISMATCH', `training gave ${plainBytes} bytes, the base has ${base.sizeBytes}`);
  }
  const { cluster, signingSeed } = identity;
  const context = {
    federation,
    track,
    round,
    cluster,
    base: base.digest,
    schema: schemaDigest,
    codec: 'f32le',
    plainBytes,
  } as const;
  const sealedPath = await outbox.prepare(track, round);
  const sealed = await seal({ values: delta, sealedPath, context, roundPublicKey: roundKey });
  if (!sealed.ok) return sealed;
  const said = { ...(classes && { classes }), ...(provenance && { provenance }) };
  const header = { ...context, exampleCount, ...sealed.value, ...said };
  const pair = signingKeyPairOf(signingSeed);
  const signature = signHeader(header, pair);
  wipeKeyPair(pair);
  const kept: KeptUpdate = { track, round, header, signature, closesAtMs };
  const stored = await outbox.keep(kept);
  return stored.ok ? ok(kept) : stored;
}
