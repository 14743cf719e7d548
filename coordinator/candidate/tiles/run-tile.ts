import { readFileSync } from 'node:fs';
import {
  bytesOfTile,
  computeTile,
  type DistanceTile,
  gridOf,
  matrixOfTiles,
  rowsOfBlock,
  tileOfBytes,
} from '../../../aggregation/distances/distance-tiles.ts';
import type { DistanceMatrix, LinearAlgebra } from '../../../aggregation/linear-algebra.ts';
import { ok, type Result } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { roundKeyPairOf, wipeKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { layoutOf } from '../../../proto/layout.ts';
import { causeOfFailure } from '../blame.ts';
import type { AggregationJob, JobUpdate, RunFaultCode, TileJob, TileResult } from '../job.ts';
import { openUpdates } from '../opening/open-updates.ts';
import type { Workplace } from '../places.ts';

/** From sealed files to the distances between the rows of two blocks, as a blob. `secretKey` is wiped at the end. */
export async function runTile(
  { job, rows }: TileJob,
  secretKey: Uint8Array,
  { blobs, out = blobs, kept, ...rest }: Workplace,
  algebraFor: (values: number) => Promise<LinearAlgebra>,
): Promise<Result<TileResult, RunFaultCode>> {
  const pair = roundKeyPairOf(secretKey);
  const openingOf = () => ok({ round: pair });
  const inputs = job.updates.map(({ payloadDigest }) => payloadDigest);
  try {
    return await blobs.withLocalFiles(inputs, async (path): Promise<Result<TileResult, RunFaultCode>> => {
      const places = { path, verify: (digest: (typeof inputs)[number]) => blobs.verify(digest), ...rest };
      const opened = await (kept?.open(job, rows, openingOf, places) ?? openUpdates(job, openingOf, places));
      if (!opened.ok) return opened;
      try {
        const writer = out.create();
        for (const bytes of bytesOfTile(await tileOf(job, rows, opened.value, algebraFor))) writer.write(bytes);
        return ok({ tile: await writer.commit() });
      } finally {
        opened.value.release();
      }
    });
  } catch (error) {
    return causeOfFailure(error);
  } finally {
    wipeKeyPair(pair);
    secretKey.fill(0);
  }
}

async function tileOf(
  { spec, updates }: AggregationJob,
  rows: number,
  { blocks, opened }: Extract<Awaited<ReturnType<typeof openUpdates>>, { ok: true }>['value'],
  algebraFor: (values: number) => Promise<LinearAlgebra>,
): Promise<DistanceTile> {
  const columns = updates.length - rows;
  const at = placesOf(updates, opened);
  if (blocks === undefined) throw new Error('none of the updates of a tile can be opened');
  return computeTile(await algebraFor(layoutOf(spec).length * opened.length), blocks, at, rows, columns);
}

/** Where the opened ones stand among all. */
function placesOf(all: readonly JobUpdate[], opened: readonly JobUpdate[]): readonly number[] {
  const place = new Map(all.map(({ payloadDigest }, at) => [payloadDigest, at]));
  return opened.map(({ payloadDigest }) => place.get(payloadDigest) as number);
}

/**
 * The distances that a job's tiles give of the rows that were opened; undefined where the job has none, or a tile cannot be had or is
 * not what it is called: then they are computed here, and everything that is decided by them is the same.
 */
export function tiledDistances(
  { updates, tiles }: AggregationJob,
  opened: readonly JobUpdate[],
  path: (digest: (typeof updates)[number]['payloadDigest']) => string,
): ((rows: readonly number[]) => DistanceMatrix) | undefined {
  if (tiles === undefined) return undefined;
  const n = updates.length;
  const places = placesOf(updates, opened);
  const read = gridOf(n, tiles.rows).map(([a, b], at) => {
    const [size, other] = [a, b].map((block) => {
      const [from, to] = rowsOfBlock(block, n, tiles.rows);
      return to - from;
    }) as [number, number];
    return () => {
      const digest = tiles.digests[at];
      if (digest === undefined) return undefined;
      const bytes = readFileSync(path(digest));
      return digestOf(bytes) === digest ? tileOfBytes(new Uint8Array(bytes), size, other) : undefined;
    };
  });
  // Each is read twice, rather than all kept at once: 36 tiles are as large as the matrix that they make.
  try {
    if (read.some((one) => one() === undefined)) return undefined;
  } catch {
    return undefined;
  }
  const all = function* () {
    for (const one of read) yield one() as DistanceTile;
  };
  const chosen = (rows: readonly number[]) => rows.map((row) => places[row] as number);
  return (rows) => matrixOfTiles(n, tiles.rows, all(), chosen(rows));
}
