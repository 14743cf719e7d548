import { startThread, type ThreadLink } from '../../../base/thread-link.ts';
import type { UpdateBlocks } from '../../blocks/blocks.ts';
import type { DistanceMatrix, RowPair } from '../../linear-algebra.ts';
import type { KernelPool } from '../kernels/kernel-pool.ts';
import { stripsTogether, tileRowsFor } from '../packed/gram-tiles.ts';
import { packedBlock, segmentColumns, segmentsPerStrip, stripColumns, stripsIn } from '../packed/packed-block.ts';
import type { GramRequest } from './gram-worker.ts';

/**
 * All squared distances from one Gram matrix of native float32 multiplications, with a bound on every one of them.
 *
 * Per strip of 2,048 columns each row is centred on the median of up to 15 rows (an outlier cannot drag a median away,
 * so it cannot cost the others their precision), and scaled by a power of two (so that 1e20 neither overflows nor
 * drowns). With y the centred rows, D_ij = ‖y_i‖² + ‖y_j‖² − 2 y_i·y_j: norms in float64; products in float32 over 64
 * columns, 32 of those added up in float32, their sums in float64. O(n²d) time, O(n² + n · 2,048) memory.
 *
 * The bound, with u = 2^-24, for any order in which a library may sum, fused or not (Higham, "Accuracy and Stability of
 * Numerical Algorithms", 3.1): the products are off by at most γ ‖y_i‖‖y_j‖, γ = 96u/(1 − 96u); centring rounds each y
 * by u|y|, which moves a distance D by at most η(2√D + η), η = u(‖y_i‖ + ‖y_j‖)(1 + u); float64 adds (strips + 2,054)
 * 2^-53 of the terms.
 */
export type GramDistances = Readonly<{
  /** `between`: as of the algebra's. */
  squaredDistances(source: UpdateBlocks, between?: number): Promise<DistanceMatrix>;
  /** May be called twice. */
  close(): Promise<void>;
}>;

/** |computed − exact| ≤ relative · … as above, from the rows' norms. */
type GramBound = (normI: number, normJ: number, squaredDistance: number) => number;

const sampleRowsMax = 15;
const unit = 2 ** -24;
/** Roundings on the way of one product into its strip's sum, at most. */
const roundings = segmentColumns + segmentsPerStrip;

export function startGramDistances(pool: KernelPool, workers: number): GramDistances {
  let links: ThreadLink<GramRequest>[] | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const started = async () => {
    if (links?.some((link) => link.ended())) links = undefined;
    if (links !== undefined) return links;
    const starting = Array.from({ length: workers }, () => startThread<GramRequest>(workerFile));
    const worst = await starting[0]?.ask<number>({ kind: 'probe' });
    if (worst === undefined || !(worst <= roundings)) {
      await Promise.all(starting.map((link) => link.close()));
      throw new Error(
        `native matrix multiplication is off by ${worst} units where float32 stays below ${roundings}: reduced precision is on ` +
          '(ONEDNN_DEFAULT_FPMATH_MODE or alike); turn it off',
      );
    }
    links = starting;
    return starting;
  };

  const compute = async (source: UpdateBlocks, between?: number): Promise<DistanceMatrix> => {
    const multipliers = await started();
    const { n, d } = source;
    const tileRows = tileRowsFor(n);
    const columns = stripColumns * stripsTogether(tileRows);
    const products = new Float64Array(new SharedArrayBuffer(8 * n * n));
    await askAll(multipliers, (worker) => ({ kind: 'start', products, n, tileRows, worker, workers, between }));
    const squaredNorms = new Float64Array(n);
    const task = { kind: 'pack', sample: spreadRows(n), tileRows } as const;
    try {
      await pool.walk(source, task, columns, async (answer) => {
        const { buffer, output: address } = answer;
        const { strips, squaredNormAt } = packedBlock(n, tileRows, stripsIn(answer.columns));
        await askAll(multipliers, () => ({ kind: 'block', buffer, address, strips }));
        for (let strip = 0; strip < strips; strip++) {
          const norms = new Float64Array(buffer, address + squaredNormAt(strip, 0), n);
          for (let row = 0; row < n; row++) squaredNorms[row] = (squaredNorms[row] as number) + (norms[row] as number);
        }
      });
    } finally {
      await Promise.allSettled(multipliers.map((link) => link.ask({ kind: 'finish' })));
    }
    return toDistances(products, squaredNorms, d);
  };

  return {
    squaredDistances(source, between) {
      const computed = last.then(() => compute(source, between)); // One at a time: the threads hold one matrix.
      last = computed.catch(() => {});
      return computed;
    },
    async close() {
      await last;
      await Promise.all((links ?? []).map((link) => link.close()));
      links = undefined;
    },
  };
}

const workerFile = new URL('./gram-worker.ts', import.meta.url);

async function askAll(
  links: readonly ThreadLink<GramRequest>[],
  request: (worker: number) => GramRequest,
): Promise<void> {
  await Promise.all(links.map((link, worker) => link.ask(request(worker))));
}

/** Up to 15 rows, an odd number, spread evenly. */
function spreadRows(n: number): Int32Array {
  const count = Math.min(sampleRowsMax, n - 1 + (n % 2));
  return Int32Array.from({ length: count }, (_, at) => Math.floor(((at + 0.5) * n) / count));
}

function gramBound(d: number): GramBound {
  const ofProducts = (2 * roundings * unit) / (1 - roundings * unit);
  const ofFloat64 = float64Rounding(d);
  return (normI, normJ, squaredDistance) => {
    const moved = unit * (1 + 2 * unit) * (normI + normJ);
    const terms = normI * normI + normJ * normJ + 2 * normI * normJ;
    const computed = ofProducts * (normI * normJ) + ofFloat64 * terms;
    // The exact distance is at most the computed one plus `computed`, but for the centring itself.
    return (computed + moved * (2 * Math.sqrt(squaredDistance + computed) + 3 * moved)) * (1 + 2 ** -40);
  };
}

const float64Rounding = (d: number) => (d / stripColumns + 2054) * 2 ** -53;

/** In place: products above the diagonal become distances everywhere. */
function toDistances(values: Float64Array, squaredNorms: Float64Array, d: number): DistanceMatrix {
  const bound = gramBound(d);
  const n = squaredNorms.length;
  const norms = squaredNorms.map((square) => Math.sqrt(square * (1 + 2 ** -40)));
  const tile = 64; // Mirrors a tile at a time: a column walk through 800 MB would miss the cache at every step.
  for (let rows = 0; rows < n; rows += tile) {
    for (let columns = rows; columns < n; columns += tile) {
      for (let i = rows; i < Math.min(n, rows + tile); i++) {
        values[i * n + i] = 0;
        for (let j = Math.max(columns, i + 1); j < Math.min(n, columns + tile); j++) {
          const sum = (squaredNorms[i] as number) + (squaredNorms[j] as number);
          const distance = sum - 2 * (values[i * n + j] as number);
          values[i * n + j] = values[j * n + i] = Number.isNaN(distance) ? distance : Math.max(0, distance);
        }
      }
    }
  }
  const errorOf = (i: number, j: number) => {
    const error = bound(norms[i] as number, norms[j] as number, values[i * n + j] as number);
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  };
  // 2ab ≤ a² + b² and √D ≤ a + b (but for rounding) take the bound of a pair apart into one term a row.
  const share = (roundings * unit) / (1 - roundings * unit) + 2 * float64Rounding(d) + 4.2 * unit;
  return { n, values, errorOf, rowErrors: norms.map((norm) => share * norm * norm) };
}

/** Pairs, of those wanted, whose bound is above `relative` of what the distance is at least. */
export function loosePairs(
  { n, values, errorOf }: DistanceMatrix,
  relative: number,
  between: number | undefined,
): RowPair[] {
  const loose: RowPair[] = [];
  for (let i = 0; i < (between ?? n); i++) {
    for (let j = between ?? i + 1; j < n; j++) {
      const error = errorOf(i, j);
      if (!(error <= relative * ((values[i * n + j] as number) - error))) loose.push([i, j]);
    }
  }
  return loose;
}
