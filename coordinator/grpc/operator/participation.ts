import { type Participation, UpdateFate } from '../../../proto/generated/testudo/v1/operator.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { UpdateFate as FateInProvenance, Provenance } from '../../candidate/provenance.ts';
import type { Round } from '../../ledger/state/state.ts';

/** Of the text; a longer one is left out of the answer, since a message may hold 1.25 MiB. */
const provenanceBytesMax = 512 << 10;
const rowsMax = 10_000;
/** Room for the rows of one message. */
const rowBytesMax = 600 << 10;

export type StoredProvenance = Readonly<{ json: string; fates: ReadonlyMap<string, FateInProvenance> }>;

const nothing: StoredProvenance = { json: '', fates: new Map() };

/** The round's provenance as our own worker stored it; nothing before there is one. */
export async function readProvenance(blobs: BlobStore, { phase }: Round): Promise<StoredProvenance> {
  if (phase.kind !== 'candidate') return nothing;
  const stored = await blobs.get(phase.provenance);
  if (!stored.ok) return nothing;
  const json = Buffer.from(stored.value).toString('utf8');
  const { updates } = JSON.parse(json) as Provenance;
  const fates = new Map(updates.map((fate) => [fate.cluster, fate]));
  return { json: json.length <= provenanceBytesMax ? json : '', fates };
}

/**
 * What became of every cohort member, and of every stranger that was refused. Clusters that the rule looked at come
 * first, worst score first; as many rows as fit one message.
 */
export function participations(round: Round, fates: StoredProvenance['fates']): Participation[] {
  const { phase } = round;
  const accepted = new Map(
    ('accepted' in phase ? phase.accepted : []).map((update) => [update.cluster as string, update]),
  );
  const cohort: readonly string[] = 'cohort' in phase ? phase.cohort : [];
  const refusals = new Map(round.refusals.map((refusal) => [refusal.cluster ?? '', refusal]));
  const scored = [...fates.values()].sort((a, b) => (b.score ?? -1) - (a.score ?? -1)).map(({ cluster }) => cluster);
  const names = [...new Set([...scored, ...cohort, ...refusals.keys()])].filter((name) => name !== '');
  const rows: Participation[] = [];
  let bytes = 0;
  for (const cluster of names.slice(0, rowsMax)) {
    const row = rowOf(
      cluster,
      fates.get(cluster),
      accepted.get(cluster)?.payloadDigest,
      refusals.get(cluster),
      phase.kind,
    );
    bytes += 160 + row.cluster.length + row.reason.length + row.tensorShares.length * 48;
    if (bytes > rowBytesMax) break;
    rows.push(row);
  }
  return rows;
}

function rowOf(
  cluster: string,
  fate: FateInProvenance | undefined,
  acceptedDigest: string | undefined,
  refusal: Round['refusals'][number] | undefined,
  phase: Round['phase']['kind'],
): Participation {
  const blank = {
    cluster,
    score: Number.NaN,
    norm: Number.NaN,
    cosine: Number.NaN,
    tensorShares: [],
    code: '',
    reason: '',
  };
  if (fate !== undefined) {
    const { code, reason, payloadDigest, score, norm, cosine, tensors } = fate;
    return {
      cluster,
      fate: fateMessages[fate.verdict],
      code: fate.verdict === 'selected' ? '' : code,
      reason,
      payloadDigest,
      score: score ?? Number.NaN,
      norm: norm ?? Number.NaN,
      cosine: cosine ?? Number.NaN,
      tensorShares: tensors.slice(0, 8).map(({ name, part }) => ({ tensor: name, share: part })),
    };
  }
  if (acceptedDigest !== undefined) {
    return { ...blank, fate: UpdateFate.UPDATE_FATE_ACCEPTED, payloadDigest: acceptedDigest };
  }
  if (refusal !== undefined) {
    const { code, cause, payloadDigest } = refusal;
    return { ...blank, fate: UpdateFate.UPDATE_FATE_REFUSED, code, reason: cause, payloadDigest: payloadDigest ?? '' };
  }
  const over = phase !== 'collecting' && phase !== 'recruiting';
  return {
    ...blank,
    fate: over ? UpdateFate.UPDATE_FATE_STRAGGLER : UpdateFate.UPDATE_FATE_AWAITED,
    payloadDigest: '',
  };
}

const fateMessages: Readonly<Record<FateInProvenance['verdict'], UpdateFate>> = {
  selected: UpdateFate.UPDATE_FATE_SELECTED,
  leftOut: UpdateFate.UPDATE_FATE_EXCLUDED,
  refused: UpdateFate.UPDATE_FATE_REFUSED,
};
