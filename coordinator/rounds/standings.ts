import type { RoundId, TrackId } from '../../proto/ids.ts';
import { type Provenance, type UpdateFate, weightOf } from '../candidate/provenance.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import type { State, Track } from '../ledger/state/state.ts';
import { priorOf, type RoundPart, type Standing, standingAfter } from '../round/standing.ts';

/** What one round's provenance says of each cluster that took part. */
export function partsOf({ updates, classes = [], nAdmitted }: Provenance): ReadonlyMap<string, RoundPart> {
  const uncounted = (cluster: string) => classes.filter(({ leftOut }) => leftOut.includes(cluster)).length;
  const mostKept = 2 * updates.filter(({ verdict }) => verdict === 'selected').length > updates.length;
  return new Map(
    updates.map((fate) => [fate.cluster, { ...partOf(fate, nAdmitted, uncounted(fate.cluster)), mostKept }]),
  );
}

function partOf(fate: UpdateFate, nAdmitted: number, uncountedCount: number): RoundPart {
  const { verdict, onSample, classes, cosine } = fate;
  return {
    verdict,
    weight: weightOf(fate, nAdmitted),
    slope: onSample?.slope ?? null,
    declaredCount: classes?.length ?? 0,
    uncountedCount,
    cosine,
  };
}

/** What to journal with a candidate, so that the records of those who took part hold the round too. */
export function standingsNoted(
  state: Pick<State, 'tracks'>,
  track: TrackId,
  round: RoundId,
  parts: ReadonlyMap<string, RoundPart>,
): readonly JournalEvent[] {
  const known = state.tracks.get(track)?.standings ?? {};
  if (parts.size === 0) return [];
  const standings: Record<string, Standing> = {};
  for (const [cluster, part] of parts) standings[cluster] = standingAfter(known[cluster], part, round);
  return [{ kind: 'standingsNoted', track, round, standings }];
}

/** The priors that a round opens with, of clusters whose record lowers what they weigh; nothing where the policy does not look. */
export function priorsOf({ policy: { history }, standings }: Pick<Track, 'policy' | 'standings'>): Readonly<{
  priors?: Readonly<Record<string, number>>;
}> {
  if (history === undefined) return {};
  const all = Object.entries(standings).map(
    ([cluster, standing]) => [cluster, priorOf(standing, history.floor)] as const,
  );
  return { priors: Object.fromEntries(all.filter(([, prior]) => prior < 1)) };
}
