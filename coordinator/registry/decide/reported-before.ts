import type { ShadowReport } from '../../ledger/journal/events.ts';
import type { TrackReleasing } from '../../ledger/state/releasing.ts';
import { promotedBy } from './passed.ts';

type Recall = ShadowReport['recalls'][number];

/** What one cluster said in front of the gates of other versions, as far as it binds what it says now. */
export type ReportedBefore = Readonly<{
  /** The most that it reported to have scored, a millisecond of a run of a minute or more; undefined: there was no such run. */
  ratePerMs: number | undefined;
  /**
   * The most cases of a class that a version which was live ever found, and that version; undefined where none was
   * reported on as many cases. Sets are told apart by how many cases they have: of another number nothing is known.
   */
  bestFound(of: Recall): Readonly<{ foundCount: number; version: number }> | undefined;
}>;

/** A shorter run is a burst, and says nothing of a rate. */
const rateRunMsMin = 60_000;

/**
 * By cluster, from the reports in front of the gates of all versions but this one. What operators let through against
 * the reports they have seen: what is found is held to the versions since.
 */
export function reportedBefore({ gates }: TrackReleasing, version: number): ReadonlyMap<string, ReportedBefore> {
  const others = Object.values(gates).filter((gate) => gate.version !== version);
  const since = Math.max(0, ...others.filter((gate) => promotedBy(gate) === 'operators').map((gate) => gate.version));
  const reports = Map.groupBy(
    others.flatMap((gate) => Object.values(gate.reports)),
    ({ cluster }) => cluster,
  );
  return new Map(
    [...reports].map(([cluster, all]) => [
      cluster,
      { ratePerMs: rateOf(all), bestFound: (recall: Recall) => bestOf(all, recall, since) },
    ]),
  );
}

function rateOf(reports: readonly ShadowReport[]): number | undefined {
  const rates = reports
    .filter(({ durationMs }) => durationMs >= rateRunMsMin)
    .map(({ scoredCount, durationMs }) => scoredCount / durationMs);
  return rates.length === 0 ? undefined : Math.max(...rates);
}

function bestOf(reports: readonly ShadowReport[], { attackClass, caseCount }: Recall, since: number) {
  const found = reports
    .filter(({ liveVersion }) => liveVersion >= since)
    .flatMap(({ liveVersion, recalls }) =>
      recalls
        .filter((recall) => recall.attackClass === attackClass && recall.caseCount === caseCount)
        .map(({ liveFoundCount }) => ({ foundCount: liveFoundCount, version: liveVersion })),
    );
  return found.reduce<(typeof found)[number] | undefined>(
    (best, each) => (best === undefined || each.foundCount > best.foundCount ? each : best),
    undefined,
  );
}
