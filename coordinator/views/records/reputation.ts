import type { ClusterId, TrackId } from '../../../proto/ids.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { UpdateFate } from '../../candidate/provenance.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { readProvenance } from '../participation.ts';
import { type Suggested, suggestionOf } from './suggestion.ts';

/** How rounds judged one cluster in one track, over those that are kept in full. */
export type ReputationView = Suggested &
  Readonly<{
    track: TrackId;
    cluster: ClusterId;
    quarantined: boolean;
    /** Kept rounds with a candidate that judged an update of it; of these, how many left it out, and refused it. */
    rounds: number;
    leftOut: number;
    refused: number;
    /** Of all its rounds: how many in a row, at the end, kept most updates and not its; and its record. */
    streak: number;
    score: number | null;
    /** The median of its score over the highest that its round kept: above 1 is beyond the threshold; null where no score decides. */
    margin: number | null;
    /** Why it was left out or refused, the most frequent first. */
    reasons: readonly Readonly<{ code: string; count: number }>[];
  }>;

type Judged = { leftOut: number; refused: number; rounds: number; margins: number[]; codes: Map<string, number> };

/** Of every enrolled cluster, those that something is suggested for first, then by name. At most 64 provenances are read. */
export async function reputationsView(
  { clusters }: Pick<State, 'clusters'>,
  track: Track,
  blobs: Pick<BlobStore, 'get'>,
): Promise<readonly ReputationView[]> {
  const judged = await judgements(track, blobs);
  const views = [...clusters.values()]
    .filter(({ status }) => status === 'enrolled')
    .map(({ cluster, quarantined }): ReputationView => {
      const record = track.standings[cluster];
      const { margins, codes, ...counts } = judged.get(cluster) ?? nothing();
      return {
        ...{ track: track.track, cluster, quarantined, ...counts },
        ...{ streak: record?.streak ?? 0, score: record?.score ?? null, margin: median(margins) },
        reasons: [...codes].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count),
        ...suggestionOf(record, quarantined, (round) => track.rounds.has(round)),
      };
    });
  const rank = { quarantine: 0, readmit: 1, watch: 2, none: 3 } as const;
  return views.sort((a, b) => rank[a.suggestion] - rank[b.suggestion] || (a.cluster < b.cluster ? -1 : 1));
}

async function judgements({ rounds }: Track, blobs: Pick<BlobStore, 'get'>): Promise<ReadonlyMap<string, Judged>> {
  const found = new Map<string, Judged>();
  for (const round of rounds.values()) {
    const { fates } = await readProvenance(blobs, round);
    const threshold = thresholdOf(fates.values());
    for (const { cluster, verdict, code, score } of fates.values()) {
      const one = found.get(cluster) ?? nothing();
      found.set(cluster, one);
      one.rounds += 1;
      if (verdict !== 'selected') {
        one[verdict] += 1;
        one.codes.set(code, (one.codes.get(code) ?? 0) + 1);
      }
      if (score !== null && threshold > 0) one.margins.push(score / threshold);
    }
  }
  return found;
}

function nothing(): Judged {
  return { leftOut: 0, refused: 0, rounds: 0, margins: [], codes: new Map() };
}

/** The highest score that was kept; 0 where no score decides. */
function thresholdOf(fates: Iterable<UpdateFate>): number {
  let threshold = 0;
  for (const { verdict, score } of fates) if (verdict === 'selected') threshold = Math.max(threshold, score ?? 0);
  return threshold;
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

function at(values: readonly number[], index: number): number {
  return values[index] as number;
}
