import type { EpochMs } from '../../base/time.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { Cluster, State } from '../ledger/state/state.ts';
import type { HeardStanding } from '../rounds/told/response-board.ts';
import type { QuarantineProposal } from '../rounds/told/response-standing.ts';

/** How a cluster's response agent stands, in counts: what every open page is told. */
export type ResponseCountsView = Readonly<{
  waits: number;
  quarantined: number;
  /** Another number says that there is something else to see. */
  revision: number;
}>;

/** Quarantines that wait for a person, or did within a day, of one cluster. */
export type ApprovalsView = Readonly<{
  cluster: ClusterId;
  heardAtMs: EpochMs;
  waits: number;
  /** Without it the cluster says how many wait, and not which. */
  sharesNames: boolean;
  proposals: readonly QuarantineProposal[];
}>;

/** More than anybody decides on one page. */
const proposalsMax = 500;

export function responseCounts({ quarantine, revision }: HeardStanding): ResponseCountsView {
  const { waitsCount: waits, isolatedCount, partlyCount, unenforcedCount, unjudgedCount } = quarantine;
  return { waits, quarantined: isolatedCount + partlyCount + unenforcedCount + unjudgedCount, revision };
}

/** Every cluster in which something waits or was decided lately, those in which most waits first. */
export function approvalsView(
  state: Pick<State, 'clusters'>,
  standingOf: (cluster: ClusterId) => HeardStanding | undefined,
): readonly ApprovalsView[] {
  const rows: ApprovalsView[] = [];
  let left = proposalsMax;
  const members = [...state.clusters.values()].filter(({ status }: Cluster) => status === 'enrolled');
  const told = members.flatMap(({ cluster }) => {
    const standing = standingOf(cluster);
    return standing === undefined ? [] : [{ cluster, standing }];
  });
  told.sort((a, b) => waitsOf(b) - waitsOf(a) || (a.cluster < b.cluster ? -1 : 1));
  for (const { cluster, standing } of told) {
    const { waitsCount: waits, sharesNames, proposals: all } = standing.quarantine;
    if (waits === 0 && all.length === 0) continue;
    const proposals = all.slice(0, left);
    left -= proposals.length;
    rows.push({ cluster, heardAtMs: standing.heardAtMs, waits, sharesNames, proposals });
  }
  return rows;
}

const waitsOf = ({ standing }: Readonly<{ standing: HeardStanding }>) => standing.quarantine.waitsCount;
