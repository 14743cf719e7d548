import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId, RoundId, TrackId } from '../../../proto/ids.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import { type UpdateFate, weightOf } from '../../candidate/provenance.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import type { Standing } from '../../round/standing.ts';
import { readProvenance } from '../participation.ts';
import { type Suggested, suggestionOf } from './suggestion.ts';

/** What one round made of a cluster's update; numbers are null where the rule gave none. */
export type RoundStandingView = Readonly<{
  round: RoundId;
  fate: UpdateFate['verdict'];
  code: string;
  weight: number | null;
  slope: number | null;
  score: number | null;
  norm: number | null;
  /** Of the angle to the aggregate. */
  cosine: number | null;
  endedAtMs: EpochMs | null;
  leftOutOf: readonly string[];
}>;

/** A cluster's record in one track, and its last rounds, newest first. */
export type StandingView = Standing & Suggested & Readonly<{ track: TrackId; recent: readonly RoundStandingView[] }>;

const recentMax = 16;

/** A cluster's records, by track; none where it never took part. */
export async function standingsView(
  { tracks, clusters }: Pick<State, 'tracks' | 'clusters'>,
  blobs: Pick<BlobStore, 'get'>,
  cluster: ClusterId,
): Promise<readonly StandingView[]> {
  const views: StandingView[] = [];
  for (const track of [...tracks.values()].sort((a, b) => (a.track < b.track ? -1 : 1))) {
    const standing = track.standings[cluster];
    if (standing === undefined) continue;
    const quarantined = clusters.get(cluster)?.quarantined ?? false;
    const suggested = suggestionOf(standing, quarantined, (round) => track.rounds.has(round));
    views.push({ ...standing, ...suggested, track: track.track, recent: await recentRounds(track, blobs, cluster) });
  }
  return views;
}

async function recentRounds(
  { rounds }: Track,
  blobs: Pick<BlobStore, 'get'>,
  cluster: ClusterId,
): Promise<readonly RoundStandingView[]> {
  const recent: RoundStandingView[] = [];
  for (const round of [...rounds.values()].reverse()) {
    if (recent.length === recentMax) break;
    const { fates, nAdmitted, classes } = await readProvenance(blobs, round);
    const fate = fates.get(cluster);
    if (fate === undefined) continue;
    recent.push({
      round: round.round,
      fate: fate.verdict,
      code: fate.verdict === 'selected' ? '' : fate.code,
      weight: weightOf(fate, nAdmitted),
      slope: fate.onSample?.slope ?? null,
      score: fate.score,
      norm: fate.norm,
      cosine: fate.cosine,
      endedAtMs: 'endedAtMs' in round.phase ? round.phase.endedAtMs : null,
      leftOutOf: classes.filter(({ leftOut }) => leftOut.includes(cluster)).map(({ class: name }) => name),
    });
  }
  return recent;
}
