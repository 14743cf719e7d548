import { clipToNorm } from '../before/clipping.ts';
import { memorySink } from '../blocks/blocks.ts';
import { type Aggregated, ok } from '../fault.ts';
import { withstoodAmong } from '../requirements.ts';
import { medianOf } from '../trusted/clipped-rows.ts';
import { type ClassVerdict, carryOut, type Updates } from '../updates.ts';
import { allPlaced, type BlockValues, placed } from './block-values.ts';
import { coordinateMedian } from './coordinate-wise.ts';
import { geometricMedian } from './geometric-median.ts';
import { holdersEvidence } from './holders-evidence.ts';

/**
 * `shares`: as everywhere else. The others ask those who declare the class, and nobody else. `evidence` is for blocks in
 * which a value above zero speaks for the class (`holders-evidence.ts`); `contrast` is evidence of which the sample takes back
 * what it knows to be something else (`sample-contrast.ts`), where a detector gives its loss a gradient.
 */
export type BlindRule = 'shares' | 'coordinateMedian' | 'geometricMedian' | 'evidence' | 'contrast';

const weiszfeld = { smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100, start: 'mean' } as const;

/** A row is heard where the sample is blind if it teaches the sample so much of what the median row does. */
const teachesLeast = 0.1;

/**
 * Whose word is taken where the sample is blind: rows that teach it something where it sees. Who does harm, or nothing, where
 * it can be seen is not believed where it cannot. slopes: of the sample's loss along every row, shape [n]. Everybody is heard
 * where the median row teaches nothing, for then the sample tells nobody apart. The median row is honest where f < n/2; an honest
 * row teaches if its cluster mixes the sample into what it trains on.
 */
export function heardRows(slopes: Float64Array): boolean[] {
  const least = teachesLeast * -medianOf(slopes);
  return Array.from(slopes, (slope) => least <= 0 || -slope >= least);
}

/**
 * The block of a class that the sample does not cover, shape [h, length], of those who declare the class and are heard, h >= 1:
 * each no longer than `normMax`, then by the rule. The limit is not their own median: liars who are the most of them would
 * set it, and shrink the others. Medians withstand ⌊(h − 1)/2⌋ liars among the h: f where h ≥ 2f + 1. Returns shape [length].
 */
export async function blindBlock(
  holders: Updates,
  rule: Exclude<BlindRule, 'shares'>,
  normMax: number,
): Promise<Aggregated<Float64Array>> {
  const { algebra, source } = holders;
  const clipped = await clipToNorm(holders, normMax);
  if (!clipped.ok) return clipped;
  const { updates } = clipped.value;
  if (rule === 'evidence' || rule === 'contrast') return ok(await holdersEvidence(updates.source));
  const withstands = withstoodAmong.medianOfHolders(source.n, source.n); // Whatever f is: as many as can be.
  const decided = await (rule === 'coordinateMedian'
    ? coordinateMedian(updates, withstands)
    : geometricMedian(updates, withstands, weiszfeld));
  if (!decided.ok) return decided;
  const block = memorySink(source.d);
  await carryOut(algebra, decided.value.plan, block);
  return ok(block.values);
}

/**
 * How much of each blind block the sample lets through: all of it, unless with it (beside `known`, the aggregate elsewhere)
 * the loss on what the sample does hold rises by more than `risesMax`; then a half, a quarter, or nothing. A class of which
 * only liars speak can be made to swallow all others, and that the sample sees. One loss where all are harmless, four more
 * for each block where not.
 */
export async function letThrough(
  loss: (delta: Float64Array) => Promise<number>,
  known: Float64Array,
  blind: readonly BlockValues[],
  risesMax: number,
): Promise<number[]> {
  const limit = (await loss(known)) + risesMax;
  if ((await loss(allPlaced(known, blind, 1))) <= limit) return blind.map(() => 1);
  const scales: number[] = [];
  for (const block of blind) {
    let scale = 1;
    while (scale > 0 && !((await loss(placed(known, block, scale))) <= limit)) scale = scale > 0.25 ? scale / 2 : 0;
    scales.push(scale);
  }
  return scales;
}

type Standing = Readonly<{
  covered: boolean;
  blind: BlindRule;
  holders: readonly number[];
  /** Whether each row of the round is heard where the sample is blind. */
  heard: readonly boolean[];
  /** What part of what its holders said the sample took back. */
  takenBack: number;
  f: number;
}>;

/** What to say of a class to those who count on f. */
export function verdictOf(name: string, standing: Standing): ClassVerdict {
  const { covered, blind, holders, heard, f } = standing;
  const asked = !covered && blind !== 'shares';
  const leftOut = asked ? holders.filter((row) => !heard[row]) : [];
  const withstood = covered ? f : asked ? withstoodAmong.medianOfHolders(holders.length, f) : 0;
  const text = sentence(name, standing, leftOut.length, withstood);
  return { class: name, covered, holders, leftOut, f: withstood, text };
}

function sentence(name: string, standing: Standing, unheard: number, withstood: number): string {
  const { covered, blind, holders, takenBack, f } = standing;
  if (covered) return `the sample holds ${name}: what harms it gets no weight, whoever sends it`;
  const h = holders.length;
  const sample = `the sample does not hold ${name}`;
  if (h === 0) return `${sample}, and nobody declares it: nothing is promised of it`;
  if (blind === 'shares') return `${sample}, and nobody who declares it is asked: nothing is promised of it`;
  const clusters = h === 1 ? '1 cluster declares' : `${h} clusters declare`;
  if (unheard === h) {
    return `${sample}, and ${clusters} it, none of which teaches what the sample does hold: nobody is believed, and it stays as it was`;
  }
  const silent = unheard === 0 ? '' : `; ${unheard} of them teach nothing that the sample holds, and are not heard`;
  if (blind === 'evidence' || blind === 'contrast') {
    const percent = (100 * takenBack).toFixed(1);
    const contrast = blind === 'contrast' ? `; ${percent} % of it the sample takes back as something else` : '';
    return `${sample}, and ${clusters} it: what an honest one teaches of it liars can thin, each by 1/${h}, and not take away${contrast}${silent}`;
  }
  if (withstood === f) return `${sample}; the median of the ${h} that declare it withstands f = ${f}${silent}`;
  return `${sample}, and ${clusters} it: fewer than 2f + 1, so ${withstood} liars among them are withstood, not f = ${f}${silent}`;
}
