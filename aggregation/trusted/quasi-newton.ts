import { dot, lowered, type Point, squared } from './line-search.ts';

/** A move and how much the slope changed by it, shapes [d]; `inverse`: 1 / moveᵀchange. */
type Pair = Readonly<{ move: Float64Array; change: Float64Array; inverse: number }>;

/** So many of the last moves say how the value curves. */
const pairsMax = 6;
/** A pair whose change is as good as across its move says nothing of that. */
const alongMin = 1e-12;

/**
 * Limited-memory BFGS (Liu and Nocedal, Mathematical Programming 45, 1989) with a monotone search by halves: the value never rises,
 * and where neither what was learnt of the curvature nor the slope itself lowers it the point stays. `length`: of a step where nothing
 * is known of the curvature, as a multiple of the slope. Departs from the paper in that a search asks for a lower value alone, not for
 * less slope; pairs that do not curve upwards are left out. Float64 in a fixed order: the same bits for the same values. One
 * evaluation a step, nearly always; O(d) memory, twelve vectors of it for the pairs.
 */
export async function quasiNewton<At extends Point>(
  at: (x: Float64Array) => Promise<At>,
  start: At,
  { length, stepsMax }: Readonly<{ length: (slope: Float64Array) => number; stepsMax: number }>,
): Promise<At> {
  let here = start;
  let pairs: Pair[] = [];
  for (let step = 0; step < stepsMax; step++) {
    const there = await lowered(at, here, { way: wayDown(here.slope, pairs, length), first: 1, search: 'patient' });
    if (there !== undefined) {
      pairs = [...pairs, ...pairOf(here, there)].slice(-pairsMax);
      here = there;
    } else if (pairs.length === 0) break;
    else pairs = []; // What was learnt elsewhere misleads here: the slope is tried by itself.
  }
  return here;
}

/** The two-loop recursion: the inverse of the curvature that the pairs tell, times the slope. Shape [d]. */
function wayDown(slope: Float64Array, pairs: readonly Pair[], length: (slope: Float64Array) => number): Float64Array {
  const way = slope.slice();
  const last = pairs.at(-1);
  const taken = pairs.map(() => 0);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { move, change, inverse } = pairs[k] as Pair;
    const by = inverse * dot(move, way);
    taken[k] = by;
    add(way, change, -by);
  }
  const scale = last === undefined ? length(slope) : 1 / (last.inverse * squared(last.change));
  for (let j = 0; j < way.length; j++) way[j] = scale * (way[j] as number);
  pairs.forEach(({ move, change, inverse }, k) => {
    add(way, move, (taken[k] as number) - inverse * dot(change, way));
  });
  return way;
}

/** What a move tells of the curvature; nothing where the value does not curve upwards along it. */
function pairOf(from: Point, to: Point): Pair[] {
  const difference = (a: Float64Array, b: Float64Array) => a.map((value, j) => value - (b[j] as number));
  const [move, change] = [difference(to.x, from.x), difference(to.slope, from.slope)];
  const along = dot(move, change);
  const isTold = along > alongMin * Math.sqrt(squared(move) * squared(change));
  return isTold ? [{ move, change, inverse: 1 / along }] : [];
}

/** values += times · what. */
function add(values: Float64Array, what: Float64Array, times: number): void {
  for (let j = 0; j < values.length; j++) values[j] = (values[j] as number) + times * (what[j] as number);
}
