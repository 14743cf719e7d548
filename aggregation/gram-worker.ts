import { parentPort } from 'node:worker_threads';
import { type GramTiles, tilesOf } from './gram-tiles.ts';
import { type BlockMultiplier, blockMultiplier } from './matmul.ts';
import { chunkColumns } from './ordered-sums.ts';
import { worstErrorInUnits } from './precision-probe.ts';

/** What the worker that multiplies is asked; it answers {id} with `value`, or {id, error}. */
export type GramRequest =
  /** Measures the multiplication's precision; answers with its worst error in units of u · Σ|a||b|. */
  | Readonly<{ kind: 'probe' }>
  /** products: shape [n, n], zeros, float64; only i < j is added to. This worker takes every `workers`th pair of tiles. */
  | Readonly<{ kind: 'start'; products: Float64Array; n: number; tileRows: number; worker: number; workers: number }>
  /** Adds one packed block: tiles at `packed`, n scales at `scales`. */
  | Readonly<{ kind: 'block'; buffer: SharedArrayBuffer; packed: number; scales: number }>
  | Readonly<{ kind: 'finish' }>;

const port = parentPort;
if (port === null) throw new Error('gram-worker.ts runs as a worker thread');

const multiplier: BlockMultiplier = blockMultiplier();
let job: { products: Float64Array; n: number; tiles: GramTiles; pairs: (readonly [number, number])[] } | undefined;

function answer(request: GramRequest): unknown {
  switch (request.kind) {
    case 'probe':
      return worstErrorInUnits(multiplier);
    case 'start': {
      const tiles = tilesOf(request.n, request.tileRows);
      const pairs = tiles.flatMap((_, a) => tiles.slice(a).map((__, b) => [a, a + b] as const));
      job = {
        products: request.products,
        n: request.n,
        tiles,
        pairs: pairs.filter((__, at) => at % request.workers === request.worker),
      };
      return undefined;
    }
    case 'block':
      addBlock(request.buffer, request.packed, request.scales);
      return undefined;
    case 'finish':
      job = undefined;
      return undefined;
  }
}

function addBlock(buffer: SharedArrayBuffer, packed: number, scalesAt: number): void {
  if (job === undefined) throw new Error('a block before its start');
  const { products, n, tiles, pairs } = job;
  const scales = new Float64Array(buffer, scalesAt, n);
  const held = tiles.map(({ first, rows }) =>
    multiplier.hold(new Float32Array(buffer, packed + 4 * chunkColumns * first, rows * chunkColumns), rows),
  );
  try {
    for (const [a, b] of pairs) {
      const block = multiplier.products(held[a] as number, held[b] as number);
      addTile(products, n, block, tiles[a] as GramTiles[number], tiles[b] as GramTiles[number], scales);
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
  a: GramTiles[number],
  b: GramTiles[number],
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

port.on('message', ({ id, request }: { id: number; request: GramRequest }) => {
  try {
    port.postMessage({ id, value: answer(request) });
  } catch (error) {
    port.postMessage({ id, error });
  }
});
