import { type BlockValues, type ColumnPart, requireSpan, type SharedUpdates, type UpdateBlocks } from './blocks.ts';

/** Coordinates [offset, offset + length) of a source. */
type Range = ColumnPart['ranges'][number];

/** The source's columns in `ranges` alone, side by side. Shape [n, Σ length]; ranges ascend and do not overlap. */
export function columnsIn(base: UpdateBlocks, ranges: readonly Range[]): UpdateBlocks {
  const [only] = ranges;
  if (ranges.length === 1 && only?.offset === 0 && only.length === base.d) return base;
  const d = ranges.reduce((sum, { length }) => sum + length, 0);
  return {
    n: base.n,
    d,
    precision: base.precision,
    pick: (rows) => columnsIn(base.pick(rows), ranges),
    ...(ranges.length === 1 && only && base.shared && { shared: sharedColumns(base.shared, only) }),
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      let start = 0; // Of the range among the columns of this view.
      for (const range of ranges) {
        const from = Math.max(offset, start);
        const until = Math.min(offset + columns, start + range.length);
        if (from < until) {
          const piece = { at: from - offset, columns: until - from };
          await readPiece(base, range.offset + from - start, piece, columns, into);
        }
        start += range.length;
      }
    },
  };
}

/** Columns that lie together are reached as the whole rows are. */
function sharedColumns(shared: SharedUpdates, { offset, length }: Range): SharedUpdates {
  if (shared.kind === 'memory') {
    return { kind: 'memory', rows: shared.rows.map((row) => row.subarray(offset, offset + length)) };
  }
  return { ...shared, from: shared.from + offset };
}

/** A source put together from others by columns: part p's columns lie at its ranges. Together they cover [0, d). */
export function joinColumns(d: number, parts: readonly ColumnPart[]): UpdateBlocks {
  const pieces = parts
    .flatMap(({ ranges, source }, part) => {
      let within = 0;
      return ranges.map(({ offset, length }) => {
        const piece = { offset, length, part, source, within };
        within += length;
        return piece;
      });
    })
    .sort((a, b) => a.offset - b.offset);
  const [first] = parts;
  if (first === undefined) throw new RangeError('a source needs at least one part');
  return {
    n: first.source.n,
    d,
    precision: parts.every(({ source }) => source.precision === 'float32') ? 'float32' : 'float64',
    joinedFrom: parts,
    pick: (rows) =>
      joinColumns(
        d,
        parts.map(({ ranges, source }) => ({ ranges, source: source.pick(rows) })),
      ),
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      for (const piece of pieces) {
        const from = Math.max(offset, piece.offset);
        const until = Math.min(offset + columns, piece.offset + piece.length);
        if (from >= until) continue;
        const place = { at: from - offset, columns: until - from };
        await readPiece(piece.source, piece.within + from - piece.offset, place, columns, into);
      }
    },
  };
}

/** The rows of one source followed by those of another of the same d. */
export function joinRows(first: UpdateBlocks, second: UpdateBlocks): UpdateBlocks {
  return {
    n: first.n + second.n,
    d: first.d,
    precision: first.precision === 'float32' && second.precision === 'float32' ? 'float32' : 'float64',
    pick(rows) {
      const upper = rows.findIndex((row) => row >= first.n);
      const cut = upper === -1 ? rows.length : upper;
      if (rows.slice(cut).some((row) => row < first.n))
        throw new RangeError('rows of the first source are picked first');
      const [a, b] = [rows.slice(0, cut), rows.slice(cut).map((row) => row - first.n)];
      if (a.length === 0) return second.pick(b);
      return b.length === 0 ? first.pick(a) : joinRows(first.pick(a), second.pick(b));
    },
    async read(offset, columns, into) {
      requireSpan(this, offset, columns, into);
      await first.read(offset, columns, into.subarray(0, first.n * columns));
      await second.read(offset, columns, into.subarray(first.n * columns));
    },
  };
}

/** Columns [offset, offset + piece.columns) of every row into rows of `stride` values, from place `at` of each. */
async function readPiece(
  source: UpdateBlocks,
  offset: number,
  piece: Readonly<{ at: number; columns: number }>,
  stride: number,
  into: BlockValues,
): Promise<void> {
  if (piece.columns === stride) return source.read(offset, stride, into);
  if (source.n === 1) return source.read(offset, piece.columns, into.subarray(piece.at, piece.at + piece.columns));
  const length = source.n * piece.columns;
  const values = into instanceof Float32Array ? new Float32Array(length) : new Float64Array(length);
  await source.read(offset, piece.columns, values);
  for (let row = 0; row < source.n; row++) {
    into.set(values.subarray(row * piece.columns, (row + 1) * piece.columns), row * stride + piece.at);
  }
}
