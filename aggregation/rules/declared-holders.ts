import type { UpdateBlocks } from '../blocks/blocks.ts';
import { columnsIn } from '../blocks/columns.ts';
import { rowValues } from '../blocks/row-values.ts';
import { appendRow } from '../blocks/views.ts';
import { type DeclaredClasses, holdersOf, sharedRanges } from '../class-blocks.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refusePositive, refuseRows, withstoodAmong } from '../requirements.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';
import type { BlockPlan, ClassVerdict, Decision, Plan, Updates } from '../updates.ts';
import { allRows } from './coordinate-wise.ts';
import { claimsNeeded, corroborated } from './corroborated.ts';

/**
 * `penalty`: by what the trusted loss must fall for each holder left out: 1.4 asks for two sevenths of it. `corroborate`: where
 * the sample has evidence of attacks alone, more than f holders must claim it, or all (`corroborated.ts`); every holder's claim
 * counts unless given.
 */
export type DeclaredHoldersParameters = Readonly<{ penalty: number; corroborate?: boolean | undefined }>;

/**
 * Aggregation by class among those who declare it, for tables that count: the block of class c becomes
 *
 *     (h / n) · mean of base + u_i over S,   S ⊆ holders of c, at most f of them left out
 *
 * h the declared holders among the n rows. S is the subset of least `loss of c on the trusted sample · penalty^(left out)`
 * where the sample covers c, all holders where it does not. A class that nobody declares keeps what the base has of it;
 * coordinates of no class get the plain mean.
 *
 * Liars outside a class change nothing in it (their updates must have been admitted by shape, `shape.ts`). Among its holders
 * f of them are found out as far as the sample can tell; without a sample k liars of h make k/h of the block, whatever f is.
 * Corroborated, they put nothing where the sample has evidence of attacks only, however many of the holders they are, if not all.
 * No condition on n.
 *
 * Shapes: updates [n, d], base [d] → [d]. Up to `subsetsMax` losses a class, all classes tried at once; beyond that holders
 * are left out one at a time. O(nd) and one pass for each subset tried.
 */
export async function declaredHolders(
  updates: Updates,
  f: number,
  { penalty, corroborate = false }: DeclaredHoldersParameters,
  context: Readonly<{ base: Float32Array; classes: DeclaredClasses; loss?: TrustedLoss }>,
): Promise<Aggregated<Decision>> {
  const { n, d } = updates.source;
  const { base, classes, loss } = context;
  const refused = refuseRows(needs.holders, n, f) ?? refusePositive('penalty', penalty);
  if (refused) return refused;
  const attacksOnly = corroborate ? loss?.attacksOnly : undefined;
  const { rows: source, uncounted } =
    attacksOnly === undefined
      ? { rows: updates.source, uncounted: [] }
      : await corroborated(updates.source, f, { base, classes, attacksOnly });
  const every = classes.blocks.map(({ class: name }) => holdersOf(classes, name));
  const kept = loss === undefined ? every : await keepLeastLoss(source, f, penalty, { base, classes, loss }, every);
  const rows = appendRow(source, Float64Array.from(base));
  const parts: BlockPlan[] = classes.blocks.map(({ ranges }, at) => {
    const plan = meanOfHolders(rows, ranges, (every[at] as number[]).length, kept[at] as number[]);
    return { ranges, plan };
  });
  const shared = sharedRanges(classes.blocks, d);
  if (shared.length > 0) parts.push({ ranges: shared, plan: plainMean(columnsIn(source, shared)) });
  const verdicts = classes.blocks.map(({ class: name }, at) => {
    const covered = loss?.covered.includes(name) ?? false;
    return verdictOf(name, covered, f, every[at] as number[], kept[at] as number[], uncounted[at] ?? 0);
  });
  const selected = allRows(n).filter((row) => shared.length > 0 || kept.some((holders) => holders.includes(row)));
  return ok({ plan: { kind: 'blocks', d, parts }, selected, classes: verdicts });
}

/** (h/n) · mean over kept of (base + u) − base, as a sum over rows and base, the last row. */
function meanOfHolders(rows: UpdateBlocks, ranges: BlockPlan['ranges'], held: number, kept: readonly number[]): Plan {
  const n = rows.n - 1;
  const weights = new Float64Array(rows.n);
  for (const row of kept) weights[row] = held / n / kept.length;
  weights[n] = held === 0 ? 0 : held / n - 1;
  return { kind: 'combine', source: columnsIn(rows, ranges), weights, divisor: 1 };
}

function plainMean(source: UpdateBlocks): Plan {
  return { kind: 'combine', source, weights: new Float64Array(source.n).fill(1), divisor: source.n };
}

type Sampled = Readonly<{ base: Float32Array; classes: DeclaredClasses; loss: TrustedLoss }>;

/** Beyond so many subsets of one class's holders they are left out one at a time instead. */
const subsetsMax = 200;

/** For each class the holders to keep. Blocks do not touch one another, so one loss by class tries a subset of every class. */
async function keepLeastLoss(
  source: UpdateBlocks,
  f: number,
  penalty: number,
  { base, classes, loss }: Sampled,
  every: readonly (readonly number[])[],
): Promise<number[][]> {
  const n = source.n;
  const vectors: Float32Array[] = [];
  for (const row of allRows(n)) vectors.push(await rowValues(source, row)); // Not all files open at once.
  const searches = classes.blocks.map(({ class: name }, at) => {
    const holders = every[at] as readonly number[];
    return { at: loss.covered.indexOf(name), search: subsetSearch(holders, Math.min(f, holders.length - 1)) };
  });
  for (;;) {
    const tried = searches.map(({ at, search }) => (at === -1 ? undefined : search.next()));
    if (tried.every((subset) => subset === undefined)) break;
    const table = Float32Array.from(base);
    classes.blocks.forEach(({ ranges }, block) => {
      const kept = tried[block];
      if (kept === undefined) return;
      const share = (every[block] as readonly number[]).length / n / kept.length;
      for (const { offset, length } of ranges) {
        for (let j = offset; j < offset + length; j++) {
          const sum = kept.reduce((total, row) => total + (base[j] as number) + (vectors[row]?.[j] as number), 0);
          table[j] = share * sum;
        }
      }
    });
    const losses = await loss.losses(table);
    searches.forEach(({ at, search }, block) => {
      const kept = tried[block];
      if (kept === undefined) return;
      search.took((losses[at] as number) * penalty ** ((every[block] as readonly number[]).length - kept.length));
    });
  }
  return searches.map(({ search }) => search.best());
}

type Search = Readonly<{ next(): readonly number[] | undefined; took(value: number): void; best(): number[] }>;

/** All subsets with at most `most` left out, fewest first, where they are few; else the best to leave out, one after another. */
function subsetSearch(holders: readonly number[], most: number): Search {
  const exhaustive = subsetCount(holders.length, most) <= subsetsMax;
  let best: readonly number[] = holders;
  let least = Number.POSITIVE_INFINITY;
  let left = 0; // How many are left out by what is in the queue.
  let queue: (readonly number[])[] = holders.length === 0 ? [] : [holders];
  let under: readonly number[] | undefined;
  const refill = () => {
    const stuck = !exhaustive && best.length > holders.length - left; // Leaving one more out gained nothing.
    if (left >= most || stuck) return;
    left++;
    queue = exhaustive ? without(holders, left) : without(best, 1);
  };
  return {
    next() {
      if (queue.length === 0) refill();
      under = queue.shift();
      return under;
    },
    took(value) {
      if (!(value < least) || under === undefined) return; // A loss that is no number is the least of none.
      least = value;
      best = under;
    },
    best: () => [...best],
  };
}

function subsetCount(n: number, most: number): number {
  let [sum, count] = [0, 1];
  for (let left = 0; left <= most; left++) {
    sum += count;
    count = (count * (n - left)) / (left + 1);
  }
  return sum;
}

/** The rows without `count` of them, in every way. */
function without(rows: readonly number[], count: number): number[][] {
  return choices(rows, count).map((gone) => rows.filter((row) => !gone.includes(row)));
}

function choices(rows: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return rows.flatMap((row, at) => choices(rows.slice(at + 1), count - 1).map((rest) => [row, ...rest]));
}

function verdictOf(
  name: string,
  covered: boolean,
  f: number,
  holders: readonly number[],
  kept: readonly number[],
  uncounted: number,
): ClassVerdict {
  const leftOut = holders.filter((row) => !kept.includes(row));
  const withstands = covered ? withstoodAmong.sampledHolders(holders.length, f) : 0;
  const doubted =
    uncounted === 0
      ? ''
      : `; ${uncounted} of what they claim is normal the sample knows from attacks alone, and fewer than ${claimsNeeded(f, holders.length)} of them claim it: not counted`;
  return {
    class: name,
    covered,
    holders,
    leftOut,
    f: withstands,
    text: sentence(name, covered, f, holders.length) + doubted,
  };
}

function sentence(name: string, covered: boolean, f: number, held: number): string {
  const clusters = held === 1 ? '1 cluster declares' : `${held} clusters declare`;
  if (held === 0) return `nobody declares ${name}: it stays as the base has it`;
  if (!covered)
    return `${clusters} ${name}, and the sample does not hold it: each makes 1/${held} of what the table says of it, liar or not`;
  if (held <= f) return `${clusters} ${name}, no more than f = ${f}: if all of them lie, so does the table on ${name}`;
  return `${clusters} ${name}: up to ${f} of them are left out if the sample says that they lie`;
}
