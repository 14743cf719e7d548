import { unwrap } from '../../base/fault.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Engine } from '../rounds/engine.ts';
import type { ReceiptData } from '../rounds/update-desk.ts';
import { type Invitation, type SealedUpdate, sealDelta, seededValues } from './sealed-delta.ts';
import { track, valueCount } from './small-federation.ts';

/** The delta of a cluster in a round: four agree roughly, the last one is far off, so that Krum has a choice to make. */
export function deltaOf(cluster: ClusterId, round: string): Float32Array {
  const number = Number(round.slice(2));
  const common = seededValues(number, valueCount);
  const own = seededValues(cluster.charCodeAt(cluster.length - 1) * 1_000 + number, valueCount);
  const spread = cluster.endsWith('e') ? 50 : 0.1;
  return common.map((value, index) => value + spread * (own[index] as number));
}

/** Uploads a sealed update from where the coordinator says, and has it accepted, as grpc/updates would. */
export async function submit(engine: Engine, { header, payload }: SealedUpdate) {
  const checked = engine.checkUpdate(header);
  if (!checked.ok) return checked;
  if (checked.value.kind === 'alreadyAccepted') return { ok: true, value: checked.value.receipt } as const;
  const upload = await engine.blobs.openUpload({
    track: header.track,
    round: header.round,
    cluster: header.cluster,
    digest: header.payload,
    bytes: header.payloadBytes,
  });
  if (!upload.ok) return upload;
  const written = await upload.value.write(payload.subarray(upload.value.received));
  const finished = written.ok ? await upload.value.finish() : written;
  await upload.value.release();
  if (!finished.ok) return finished;
  return engine.acceptUpdate(header, Buffer.alloc(64, 1));
}

/** Answers every invitation with the cluster's delta. `kept` remembers sealed bytes, as a client's outbox does. */
export function takePart(
  engine: Engine,
  cluster: ClusterId,
  receipted: (receipt: ReceiptData) => void,
  kept: (invitation: Invitation) => Promise<SealedUpdate> = (invitation) =>
    sealDelta(invitation, cluster, deltaOf(cluster, invitation.round)),
): () => void {
  const answered = new Set<string>(); // An invitation may come twice: after a reconnect, after a restart.
  const answer = async (invitation: Invitation) => {
    if (answered.has(invitation.round)) return;
    answered.add(invitation.round);
    receipted(unwrap(await submit(engine, await kept(invitation))));
  };
  const joined = engine.join(cluster, [track], (directive) => {
    if (directive.kind === 'invitation') void answer(directive);
  });
  for (const directive of joined.current) if (directive.kind === 'invitation') void answer(directive);
  return () => joined.leave();
}
