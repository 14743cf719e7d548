import { serveThread } from '../../../base/thread-link.ts';
import { type GramTile, tilesOf } from '../packed/gram-tiles.ts';
import { packedBlock, stripColumns } from '../packed/packed-block.ts';
import { type BlockMultiplier, blockMultiplier } from './matmul.ts';
import { worstErrorInUnits } from './precision-probe.ts';

/** What the worker that multiplies is asked. */
export type GramRequest =
  /** Measures the multiplication's precision; answers with its worst error in units of u · Σ|a||b|. */
  | Readonly<{ kind: 'probe' }>
  /**
   * products: shape [n, n], zeros, float64; only i < j is added to. This worker takes every `workers`th pair of tiles, of those that
   * hold a row before `between` and one from it on, where that is given.
   */
  | Readonly<{
      kind: 'start';
      products: Float64Array;
      n: number;
      tileRows: number;
      worker: number;
      workers: number;
      between?: number | undefined;
    }>
  /** Adds the packed block at `address`. */
  | Readonly<{ kind: 'block'; buffer: SharedArrayBuffer; address: number; strips: number }>
  | Readonly<{ kind: 'finish' }>;

const multiplier: BlockMultiplier = blockMultiplier();
let job:
  | {
      products: Float64Array;
      n: number;
      tiles: readonly GramTile[];
      tileRows: number;
      pairs: (readonly [number, number])[];
    }
  | undefined;

function answer(request: GramRequest): unknown {
  switch (request.kind) {
    case 'probe':
      return worstErrorInUnits(multiplier);
    case 'start': {
      const tiles = tilesOf(request.n, request.tileRows);
      const { between } = request;
      const isWanted = (a: GramTile, b: GramTile) =>
        between === undefined || (a.first < between && b.first + b.rows > between);
      const pairs = tiles.flatMap((a, at) =>
        tiles.slice(at).flatMap((b, more) => (isWanted(a, b) ? [[at, at + more] as const] : [])),
      );
      job = {
        products: request.products,
        n: request.n,
        tiles,
        tileRows: request.tileRows,
        pairs: pairs.filter((__, at) => at % request.workers === request.worker),
      };
      return undefined;
    }
    case 'block':
      addBlock(request.buffer, request.address, request.strips);
      return undefined;
    case 'finish':
      job = undefined;
      return undefined;
  }
}

function addBlock(buffer: SharedArrayBuffer, address: number, strips: number): void {
  if (job === undefined) throw new Error('a block before its start');
  const { products, n, tiles, tileRows, pairs } = job;
  const { tileAt, scaleAt } = packedBlock(n, tileRows, strips);
  const held = tiles.map(({ first, rows }) => {
    const values = new Float32Array(buffer, address + tileAt(first), strips * rows * stripColumns);
    return multiplier.hold(values, strips, rows);
  });
  try {
    for (const [at, other] of pairs) {
      const [a, b] = [tiles[at] as GramTile, tiles[other] as GramTile];
      const sums = multiplier.products(held[at] as number, held[other] as number);
      for (let strip = 0; strip < strips; strip++) {
        const block = sums.subarray(strip * a.rows * b.rows, (strip + 1) * a.rows * b.rows);
        addTile(products, n, block, a, b, new Float64Array(buffer, address + scaleAt(strip, 0), n));
      }
    }
  } finally {
    for (const tensor of held) multiplier.release(tensor);
  }
}

/** products[i, j] += scales[i] · scales[j] · block[i, j] for i < j: powers of two, so that scaling back is exact. */
function addTile(
  products: Float64Array,
  n: number,
  block: Float32Array,
  a: GramTile,
  b: GramTile,
  scales: Float64Array,
): void {
  for (let i = 0; i < a.rows; i++) {
    const row = a.first + i;
    const rowScale = scales[row] as number;
    const from = i * b.rows - b.first;
    const to = row * n;
    const end = b.first + b.rows;
    for (let j = Math.max(b.first, row + 1); j < end; j++) {
      products[to + j] = (products[to + j] as number) + rowScale * (scales[j] as number) * (block[from + j] as number);
    }
  }
}

serveThread(answer);
