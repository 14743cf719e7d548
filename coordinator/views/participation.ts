import type { BlobStore } from '../blobs/blob-store.ts';
import type { ClassFate, Provenance, UpdateFate } from '../candidate/provenance.ts';
import type { Round } from '../ledger/state/state.ts';
import type { Accepted } from '../round/phase.ts';

/** Where a round's candidate comes from; `fates` by cluster. */
export type StoredProvenance = Readonly<{
  json: string;
  fates: ReadonlyMap<string, UpdateFate>;
  /** Rows that the rule admitted, the trusted sample's own among them where it was counted as one. */
  nAdmitted: number;
  /** What the rule ran with, and where updates have their places; null before it ran, and in records that give none. */
  ran: Readonly<Pick<Provenance, 'n' | 'nAdmitted' | 'fApplied'>> | null;
  map: NonNullable<Provenance['map']> | null;
  /** How classes were aggregated, and what the trusted sample said; nothing where the rule did not look at them. */
  classes: readonly ClassFate[];
  sample: (Readonly<{ digest: string }> & Partial<NonNullable<Provenance['onSample']>>) | undefined;
}>;

/** What became of one cluster's part in a round. Numbers are null where the rule gave none. */
export type ParticipationView = Readonly<{
  cluster: string;
  /** What the rule said; or, before it spoke, whether an update is there, was refused, is awaited or never came. */
  fate: UpdateFate['verdict'] | 'accepted' | 'straggler' | 'awaited';
  code: string;
  reason: string;
  payloadDigest: string | null;
  score: number | null;
  norm: number | null;
  cosine: number | null;
  /** How much of the delta's length lies in which tensor. */
  tensors: UpdateFate['tensors'];
  /** What part of the aggregate it makes. */
  share: number | null;
  /** The classes that it declared. */
  classes: readonly string[];
  /** What the trusted sample says of it. */
  onSample: NonNullable<UpdateFate['onSample']> | null;
  /** Of a region's update: the digest of its round's provenance. */
  provenance: string | null;
}>;

const nothing: StoredProvenance = {
  ...{ json: '', fates: new Map(), nAdmitted: 0, ran: null, map: null },
  ...{ classes: [], sample: undefined },
};

/** The round's provenance as our own worker stored it; nothing before there is one. */
export async function readProvenance(blobs: Pick<BlobStore, 'get'>, { phase }: Round): Promise<StoredProvenance> {
  if (phase.kind !== 'candidate') return nothing;
  const stored = await blobs.get(phase.provenance);
  if (!stored.ok) return nothing;
  const json = Buffer.from(stored.value).toString('utf8');
  const { n, nAdmitted, fApplied, updates, map = null, ...rest } = JSON.parse(json) as Provenance;
  const { classes = [], sample, onSample } = rest;
  const fates = new Map(updates.map((fate) => [fate.cluster, fate]));
  return {
    ...{ json, fates, nAdmitted, ran: { n, nAdmitted, fApplied }, map, classes },
    sample: sample && { digest: sample, ...onSample },
  };
}

/**
 * What became of every cohort member, and of every stranger that was refused. Clusters that the rule looked at come
 * first, worst score first, or least weight where it gave weights alone.
 */
export function* participationView(round: Round, fates: StoredProvenance['fates']): Generator<ParticipationView> {
  const { phase } = round;
  const accepted = new Map('accepted' in phase ? phase.accepted.map((one) => [one.cluster as string, one]) : []);
  const cohort: readonly string[] = 'cohort' in phase ? phase.cohort : [];
  const refusals = new Map(round.refusals.map((refusal) => [refusal.cluster ?? '', refusal]));
  const scored = [...fates.values()].sort(worstFirst).map(({ cluster }) => cluster);
  const isAwaited = phase.kind === 'collecting' || phase.kind === 'recruiting';
  for (const cluster of new Set([...scored, ...cohort, ...refusals.keys()])) {
    if (cluster === '') continue;
    const fate = fates.get(cluster);
    const update = accepted.get(cluster);
    const refusal = refusals.get(cluster);
    if (fate !== undefined) yield judged(fate);
    else if (update !== undefined) yield waiting(update);
    else if (refusal !== undefined) yield refused(cluster, refusal);
    else yield { ...unjudged(cluster), fate: isAwaited ? 'awaited' : 'straggler' };
  }
}

function judged({ cluster, verdict, code, reason, payloadDigest, ...numbers }: UpdateFate): ParticipationView {
  const { score, norm, cosine, tensors, share, classes = [], onSample = null } = numbers;
  const why = verdict === 'selected' ? '' : code;
  const weighed = { share, classes, onSample, provenance: numbers.provenance ?? null };
  return { cluster, fate: verdict, code: why, reason, payloadDigest, score, norm, cosine, tensors, ...weighed };
}

function waiting({ cluster, payloadDigest, provenance }: Accepted): ParticipationView {
  return { ...unjudged(cluster), fate: 'accepted', payloadDigest, provenance: provenance ?? null };
}

/** By score, worst first; where the rule has none, by weight, least first. */
function worstFirst(a: UpdateFate, b: UpdateFate): number {
  if (a.score !== null || b.score !== null) return (b.score ?? -1) - (a.score ?? -1);
  return (a.share ?? -1) - (b.share ?? -1);
}

function refused(cluster: string, { code, cause, payloadDigest }: Round['refusals'][number]): ParticipationView {
  return { ...unjudged(cluster), fate: 'refused', code, reason: cause, payloadDigest };
}

function unjudged(cluster: string) {
  const numbers = { score: null, norm: null, cosine: null, tensors: [], share: null, classes: [], onSample: null };
  return { cluster, code: '', reason: '', payloadDigest: null, provenance: null, ...numbers };
}
