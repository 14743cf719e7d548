/**
 * Isolation forest (Liu, Ting, Zhou, ICDM 2008): how few random cuts set a point apart. The bench's own, so that it is
 * computed in the same run on the same rows; checked once against scikit-learn's (feature-study.ts says how they compare).
 */
import { type Random, seededRandom } from '../../base/random.ts';

type Tree = Readonly<{ column: number; cut: number; low: Tree; high: Tree }> | Readonly<{ size: number }>;

/** rows: shape [n, width], row-major. Returns a function from rows to scores in (0, 1), higher less normal. */
export function isolationForest(
  rows: Float32Array,
  width: number,
  { trees = 100, sample = 256, seed = 1 } = {},
): (rows: Float32Array) => Float64Array {
  const random = seededRandom(seed);
  const count = rows.length / width;
  const size = Math.min(sample, count);
  const depthMax = Math.ceil(Math.log2(size));
  const forest = Array.from({ length: trees }, () => {
    const chosen = new Set<number>();
    while (chosen.size < size) chosen.add(Math.floor(random() * count));
    return grow(rows, width, [...chosen], depthMax, random);
  });
  return (judged) =>
    Float64Array.from({ length: judged.length / width }, (_, row) => {
      let depths = 0;
      for (const tree of forest) depths += depthOf(tree, judged, row * width);
      return 2 ** (-depths / trees / averageDepth(size));
    });
}

function grow(rows: Float32Array, width: number, members: number[], depthLeft: number, random: Random): Tree {
  if (depthLeft === 0 || members.length <= 1) return { size: members.length };
  const spans: [number, number, number][] = [];
  for (let column = 0; column < width; column++) {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const row of members) {
      const value = rows[row * width + column] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (high > low) spans.push([column, low, high]);
  }
  const span = spans[Math.floor(random() * spans.length)];
  if (span === undefined) return { size: members.length };
  const [column, low, high] = span;
  const cut = low + random() * (high - low);
  const isLow = (row: number) => (rows[row * width + column] as number) <= cut;
  return {
    column,
    cut,
    low: grow(rows, width, members.filter(isLow), depthLeft - 1, random),
    high: grow(
      rows,
      width,
      members.filter((row) => !isLow(row)),
      depthLeft - 1,
      random,
    ),
  };
}

function depthOf(tree: Tree, rows: Float32Array, offset: number): number {
  let depth = 0;
  let node = tree;
  while ('column' in node) {
    node = (rows[offset + node.column] as number) <= node.cut ? node.low : node.high;
    depth++;
  }
  return depth + averageDepth(node.size);
}

/** Mean depth of an unsuccessful search in a binary search tree of so many points. */
function averageDepth(size: number): number {
  if (size <= 1) return 0;
  if (size === 2) return 1;
  return 2 * (Math.log(size - 1) + 0.5772156649015329) - (2 * (size - 1)) / size;
}
