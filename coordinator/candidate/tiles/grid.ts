import { gridOf, rowsOfBlock } from '../../../aggregation/distances/distance-tiles.ts';
import { comparesAllRows } from '../../../aggregation/policy.ts';
import type { AggregationJob, TileJob } from '../job.ts';

/** The grid of a round of many updates. Fixed, whoever computes: not of how many workers there are. */
export type TileGrid = Readonly<{
  /** Rows of a block. */
  rows: number;
  /** A round of fewer updates is one job. */
  updatesMin: number;
}>;

/** At 300,000 values a tile of 1,250 by 1,250 is some twelve seconds of a core; 10,000 updates are 36 of them. */
export const defaultGrid: TileGrid = { rows: 1_250, updatesMin: 2_000 };

/** The tiles of a job, in the grid's order; none where the rule compares no rows, or the round is small. */
export function tilesOfJob(job: AggregationJob, grid: TileGrid): readonly TileJob[] {
  const n = job.updates.length;
  if (n < grid.updatesMin || n <= grid.rows || job.sample !== undefined || !comparesAllRows(job.policy)) return [];
  return gridOf(n, grid.rows).map(([a, b]) => {
    const first = job.updates.slice(...rowsOfBlock(a, n, grid.rows));
    const second = a === b ? [] : job.updates.slice(...rowsOfBlock(b, n, grid.rows));
    const id = `${job.id}.tile.${a}.${b}`;
    return { job: { ...job, id, expelled: [], updates: [...first, ...second] }, rows: first.length };
  });
}
