import type { UpdateBlocks } from '../../blocks/blocks.ts';
import type { DistanceMatrix, RowPair } from '../../linear-algebra.ts';
import type { KernelPool } from '../kernels/kernel-pool.ts';
import { eachProduct, panelProducts, segmentColumns, stripColumns } from '../kernels/panel-products.ts';
import { type GramPass, gramPasses } from './passes.ts';

/** |computed − exact| ≤ this, from the rows' norms. */
type GramBound = (normI: number, normJ: number, squaredDistance: number) => number;

const sampleRowsMax = 15;
const unit = 2 ** -24;
/** Roundings on the way of one product into its segment's float32 sum, at most. */
const roundings = segmentColumns;

/** Rows of a band, where rows are too many for one pass: that of a band with another takes 26 MB a block. */
const usualBandRows = 1280;
/** Of a block's rows in a worker's memory, about. */
const blockBytes = 2 ** 24;
/** Of a block: more take memory and are no faster. */
const stripsMax = 4;

/**
 * All squared distances from the products of float32 rows, with a bound on every one of them.
 *
 * Per strip of 2,048 columns each row is centred on the median of up to 15 rows (an outlier cannot drag a median away,
 * so it cannot cost the others their precision), and scaled by a power of two (so that 1e20 neither overflows nor
 * drowns). With y the centred rows, D_ij = ‖y_i‖² + ‖y_j‖² − 2 y_i·y_j: norms in float64; products in float32 over 64
 * columns, the sums of those in float64. O(n²d) time, O(n² + n · 2,048) memory. The same bits whatever the threads.
 *
 * The bound, with u = 2^-24, whether products are fused into their sums or not (Higham, "Accuracy and Stability of
 * Numerical Algorithms", 3.1): the products are off by at most γ ‖y_i‖‖y_j‖, γ = 64u/(1 − 64u); centring rounds each y
 * by u|y|, which moves a distance D by at most η(2√D + η), η = u(‖y_i‖ + ‖y_j‖)(1 + u); float64 adds (strips + 2,054)
 * 2^-53 of the terms.
 *
 * `between`: as of the algebra's. bandRows: a test's alone; what comes out has the same bits.
 */
export async function gramDistances(
  pool: KernelPool,
  source: UpdateBlocks,
  between?: number,
  bandRows = usualBandRows,
): Promise<DistanceMatrix> {
  const { n, d } = source;
  const products = new Float64Array(n * n);
  const squaredNorms = new Float64Array(n);
  for (const pass of gramPasses(n, between, bandRows)) await multiply(pool, source, pass, products, squaredNorms);
  return toDistances(products, squaredNorms, d);
}

/** Sets products[i, j], i < j, and the norms of the pass's rows. */
async function multiply(
  pool: KernelPool,
  source: UpdateBlocks,
  { rows, between }: GramPass,
  products: Float64Array,
  squaredNorms: Float64Array,
): Promise<void> {
  const { n } = source;
  const sample = spreadRows(n); // Of all rows, in every pass: a row is centred alike in each.
  const picked = source.pick([...sample, ...rows]);
  const made = panelProducts(rows.length, between);
  const strips = Math.max(1, Math.min(stripsMax, Math.floor(blockBytes / (4 * stripColumns * picked.n))));
  const sums = new Float64Array(made.bytes / 8);
  const task = { kind: 'products', sample: sample.length, between } as const;
  await pool.walk(picked, task, strips * stripColumns, ({ buffer, output }) => {
    const block = new Float64Array(buffer, output, sums.length);
    for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + (block[at] as number);
  });
  eachProduct(sums, rows.length, made, (i, j, product) => {
    products[(rows[i] as number) * n + (rows[j] as number)] = product;
  });
  rows.forEach((row, at) => {
    squaredNorms[row] = sums[made.squaredNormsAt / 8 + at] as number;
  });
}

/** Up to 15 rows, an odd number, spread evenly. */
function spreadRows(n: number): readonly number[] {
  const count = Math.min(sampleRowsMax, n - 1 + (n % 2));
  return Array.from({ length: count }, (_, at) => Math.floor(((at + 0.5) * n) / count));
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
