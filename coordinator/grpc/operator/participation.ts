import { type Participation, UpdateFate } from '../../../proto/generated/testudo/v1/operator.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Round } from '../../state/state.ts';

const provenanceBytesMax = 1 << 20;
const rowsMax = 10_000;

export type Provenance = Readonly<{ json: string; report: undefined }>;

/** The round's provenance as it was stored; empty before there is one, or when it is too long for a message. */
export async function readProvenance(blobs: BlobStore, { phase }: Round): Promise<Provenance> {
  if (phase.kind !== 'candidate') return { json: '', report: undefined };
  const stored = await blobs.get(phase.provenance);
  if (!stored.ok || stored.value.byteLength > provenanceBytesMax) return { json: '', report: undefined };
  return { json: Buffer.from(stored.value).toString('utf8'), report: undefined };
}

const noNumbers = { score: Number.NaN, norm: Number.NaN, cosine: Number.NaN, tensorShares: [] };

/** What became of every cohort member, and of every stranger that was refused. */
export function participations(round: Round, _report: undefined): Participation[] {
  const { phase } = round;
  const accepted = new Map(
    ('accepted' in phase ? phase.accepted : []).map((update) => [update.cluster as string, update]),
  );
  const cohort: readonly string[] = 'cohort' in phase ? phase.cohort : [];
  const refusals = new Map(round.refusals.map((refusal) => [refusal.cluster ?? '', refusal]));
  const names = [...new Set([...cohort, ...refusals.keys()])].filter((name) => name !== '').slice(0, rowsMax);
  return names.map((cluster) => {
    const update = accepted.get(cluster);
    const refusal = refusals.get(cluster);
    const base = { cluster, ...noNumbers };
    if (update !== undefined) {
      const fate = UpdateFate.UPDATE_FATE_ACCEPTED;
      return { ...base, fate, code: '', reason: '', payloadDigest: update.payloadDigest };
    }
    if (refusal !== undefined) {
      const { code, cause, payloadDigest } = refusal;
      return { ...base, fate: UpdateFate.UPDATE_FATE_REFUSED, code, reason: cause, payloadDigest: payloadDigest ?? '' };
    }
    const over = phase.kind !== 'collecting';
    const fate = over ? UpdateFate.UPDATE_FATE_STRAGGLER : UpdateFate.UPDATE_FATE_AWAITED;
    return { ...base, fate, code: '', reason: '', payloadDigest: '' };
  });
}
