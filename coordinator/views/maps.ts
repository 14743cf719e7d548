import type { EpochMs } from '../../base/time.ts';
import type { ClusterId } from '../../proto/ids.ts';
import type { State } from '../ledger/state/state.ts';
import type { HeardMap } from '../rounds/told/map-board.ts';

/** How much is in the map that a cluster shares. */
export type MapSummary = Readonly<{
  cluster: ClusterId;
  heardAtMs: EpochMs;
  services: number;
  edges: number;
  templates: number;
  /** Templates that answer without authentication while their siblings ask for it. */
  openAmongClosed: number;
  /** Templates that were first seen lately. */
  fresh: number;
}>;

/** Every member that shares its map, by name. */
export function mapSummaries(
  { clusters }: Pick<State, 'clusters'>,
  mapOf: (cluster: ClusterId) => HeardMap | undefined,
): readonly MapSummary[] {
  const rows = [...clusters.values()].flatMap(({ cluster, status }) => {
    const map = status === 'enrolled' ? mapOf(cluster) : undefined;
    if (map === undefined) return [];
    const { heardAtMs, services, edges, templates } = map;
    const counts = { services: services.length, edges: edges.length, templates: templates.length };
    const openAmongClosed = templates.filter((one) => one.isOpenAmongClosed).length;
    return [{ cluster, heardAtMs, ...counts, openAmongClosed, fresh: templates.filter(({ isNew }) => isNew).length }];
  });
  return rows.sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}
