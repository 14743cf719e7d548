import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bytesOfTile, gridOf } from '../../../aggregation/distances/distance-tiles.ts';
import { digestOf } from '../../../proto/digest.ts';
import { type Digest, parseDigest } from '../../../proto/ids.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import type { AggregationJob, JobUpdate } from '../job.ts';
import { defaultGrid, tilesOfJob } from './grid.ts';
import { tiledDistances } from './run-tile.ts';

const krum = { f: 1, admission: { normMax: 1, zeroUpdate: 'refuse' }, before: [], rule: { kind: 'krum' } } as const;
const updatesOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    payloadDigest: digestOf(Buffer.from(`${at}`)),
  })) as unknown as JobUpdate[];
const jobOf = (count: number, more: Partial<AggregationJob> = {}) =>
  ({
    id: 'aggregate.x.r-1',
    policy: krum,
    updates: updatesOf(count),
    expelled: [],
    ...more,
  }) as unknown as AggregationJob;

/** Tiles of three rows by two, whose distance of rows i and j is 10 i + j, for i below j. */
function keptTiles() {
  const folder = tempDir();
  const sizes = [2, 1];
  const digests = gridOf(3, 2).map(([a, b]) => {
    const [rows, columns] = [sizes[a] as number, sizes[b] as number];
    const values = Float64Array.from({ length: rows * columns }, (_, at) => {
      const [i, j] = [2 * a + Math.floor(at / columns), 2 * b + (at % columns)];
      return 10 * Math.min(i, j) + Math.max(i, j);
    });
    const none = { rowErrors: new Float64Array(rows), columnErrors: new Float64Array(columns) };
    const bytes = Buffer.concat(
      bytesOfTile({ rows, columns, ...none, values, errors: new Float32Array(values.length) }),
    );
    const digest = digestOf(bytes);
    writeFileSync(join(folder, digest.slice(7)), bytes);
    return digest;
  });
  return { digests, path: (digest: Digest) => join(folder, parseDigest(digest).slice(7)) };
}

it('distances come from tiles for the rows that were opened and admitted', () => {
  const { digests, path } = keptTiles();
  const job = jobOf(3, { tiles: { rows: 2, digests } });
  const opened = [job.updates[0], job.updates[2]] as JobUpdate[];
  const matrix = tiledDistances(job, opened, path)?.([0, 1]);
  expect([...(matrix?.values ?? [])]).toEqual([0, 2, 2, 0]); // Rows 0 and 2 of the job.
});

it('a tile that is gone, or is another than its digest says, gives none: they are computed as without tiles', () => {
  const { digests, path } = keptTiles();
  const of = (names: readonly Digest[]) =>
    tiledDistances(jobOf(3, { tiles: { rows: 2, digests: names } }), updatesOf(3), path);
  expect(of([digests[0] as Digest, digestOf(Buffer.from('gone')), digests[2] as Digest])).toBeUndefined();
  writeFileSync(path(digests[1] as Digest), 'changed');
  expect(of(digests)).toBeUndefined();
  expect(of(digests.slice(0, 1))).toBeUndefined();
  expect(tiledDistances(jobOf(3), updatesOf(3), path)).toBeUndefined();
});

it('only rounds of many updates whose rule compares all of them are cut into tiles, by a grid of their number alone', () => {
  expect(tilesOfJob(jobOf(1_999), defaultGrid)).toEqual([]);
  expect(tilesOfJob(jobOf(2_500, { policy: { ...krum, rule: { kind: 'mean' } } }), defaultGrid)).toEqual([]);
  const tiles = tilesOfJob(jobOf(2_600), defaultGrid);
  expect(tiles.map(({ job: { id, updates }, rows }) => [id.slice(-3), updates.length, rows])).toEqual([
    ['0.0', 1_250, 1_250],
    ['0.1', 2_500, 1_250],
    ['0.2', 1_350, 1_250],
    ['1.1', 1_250, 1_250],
    ['1.2', 1_350, 1_250],
    ['2.2', 100, 100],
  ]);
  expect(tilesOfJob(jobOf(10_000), defaultGrid)).toHaveLength(36);
});
