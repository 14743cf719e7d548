/** A pass over the columns of some of the rows, ascending; `between`: as of the algebra's, counted among them. */
export type GramPass = Readonly<{ rows: readonly number[]; between: number | undefined }>;

/**
 * How the products of n rows are made with no more than 2 · bandRows of them in hand: at once where they are so few, else for
 * each pair of bands of rows. What a pass holds grows with the square of its rows.
 */
export function gramPasses(n: number, between: number | undefined, bandRows: number): readonly GramPass[] {
  if (n <= 2 * bandRows) return [{ rows: span(0, n), between }];
  if (between !== undefined) {
    const others = bandsOf(between, n, bandRows);
    return bandsOf(0, between, bandRows).flatMap((a) => others.map((b) => pairOf(a, b)));
  }
  const bands = bandsOf(0, n, bandRows);
  return bands.flatMap((a, at) => [{ rows: a, between: undefined }, ...bands.slice(at + 1).map((b) => pairOf(a, b))]);
}

const pairOf = (a: readonly number[], b: readonly number[]): GramPass => ({ rows: [...a, ...b], between: a.length });

function bandsOf(from: number, to: number, bandRows: number): readonly (readonly number[])[] {
  const bands = [];
  for (let first = from; first < to; first += bandRows) bands.push(span(first, Math.min(to, first + bandRows)));
  return bands;
}

const span = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, at) => from + at);
