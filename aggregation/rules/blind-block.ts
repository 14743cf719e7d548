import { clipToNorm } from '../before/clipping.ts';
import { memorySink } from '../blocks/blocks.ts';
import { scaledRows } from '../blocks/views.ts';
import type { ColumnRange } from '../class-blocks.ts';
import { type Aggregated, ok } from '../fault.ts';
import { withstoodAmong } from '../requirements.ts';
import { clippedToMedian } from '../trusted/clipped-rows.ts';
import { type ClassVerdict, carryOut, type Updates, updatesOf } from '../updates.ts';
import { coordinateMedian } from './coordinate-wise.ts';
import { geometricMedian } from './geometric-median.ts';

/** `shares`: as everywhere else. The others ask those who declare the class, and nobody else. */
export type BlindRule = 'shares' | 'coordinateMedian' | 'geometricMedian';

const weiszfeld = { smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100, start: 'mean' } as const;

/**
 * The block of a class that the sample does not cover, shape [h, length], of those who declare the class: each clipped to
 * `clip` times their own median norm (that of all rows would be the norm of those who know nothing of the class), but to
 * `normMax` at most, then their median. Withstands ⌊(h − 1)/2⌋ liars among the h: f where h ≥ 2f + 1. Others have nothing to
 * say in it. Returns shape [length].
 */
export async function blindBlock(
  holders: Updates,
  rule: Exclude<BlindRule, 'shares'>,
  { clip, normMax }: Readonly<{ clip: number; normMax: number }>,
): Promise<Aggregated<Float64Array>> {
  const { engine, source } = holders;
  const blocks = [[{ offset: 0, length: source.d }]];
  const { rows, factors } = await clippedToMedian(engine, source, { times: clip, blocks });
  const own = updatesOf(engine, scaledRows(rows, factors));
  const clipped = await clipToNorm(own, normMax);
  if (!clipped.ok) return clipped;
  const withstands = withstoodAmong.medianOfHolders(source.n, source.n); // Whatever f is: as many as can be.
  const decided = await (rule === 'coordinateMedian'
    ? coordinateMedian(clipped.value.updates, withstands)
    : geometricMedian(clipped.value.updates, withstands, weiszfeld));
  if (!decided.ok) return decided;
  const block = memorySink(source.d);
  await carryOut(engine, decided.value.plan, block);
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
  blind: readonly Readonly<{ ranges: readonly ColumnRange[]; values: Float64Array }>[],
  risesMax: number,
): Promise<number[]> {
  const limit = (await loss(known)) + risesMax;
  const withAll = blind.reduce((delta, block) => placed(delta, block, 1), known);
  if ((await loss(withAll)) <= limit) return blind.map(() => 1);
  const scales: number[] = [];
  for (const block of blind) {
    let scale = 1;
    while (scale > 0 && !((await loss(placed(known, block, scale))) <= limit)) scale = scale > 0.25 ? scale / 2 : 0;
    scales.push(scale);
  }
  return scales;
}

/** The delta with scale · the block's values at its ranges, where it was zero. */
function placed(
  delta: Float64Array,
  { ranges, values }: Readonly<{ ranges: readonly ColumnRange[]; values: Float64Array }>,
  scale: number,
): Float64Array {
  const moved = delta.slice();
  let at = 0;
  for (const { offset, length } of ranges) {
    for (let j = 0; j < length; j++) moved[offset + j] = scale * (values[at++] as number);
  }
  return moved;
}

/** What to say of a class to those who count on f. */
export function verdictOf(
  name: string,
  {
    covered,
    blind,
    holders,
    f,
  }: Readonly<{ covered: boolean; blind: BlindRule; holders: readonly number[]; f: number }>,
): ClassVerdict {
  const h = holders.length;
  const asked = !covered && blind !== 'shares' && h > 0;
  const withstood = covered ? f : asked ? withstoodAmong.medianOfHolders(h, f) : 0;
  const text = sentence(name, { covered, asked, withstood, h, f });
  return { class: name, covered, holders, leftOut: [], f: withstood, text };
}

function sentence(
  name: string,
  {
    covered,
    asked,
    withstood,
    h,
    f,
  }: Readonly<Record<'covered' | 'asked', boolean> & Record<'withstood' | 'h' | 'f', number>>,
): string {
  if (covered) return `the sample holds ${name}: what harms it gets no weight, whoever sends it`;
  const blind = `the sample does not hold ${name}`;
  if (!asked)
    return `${blind}, and ${h === 0 ? 'nobody declares it' : 'nobody who declares it is asked'}: nothing is promised of it`;
  if (withstood === f) return `${blind}; the median of the ${h} that declare it withstands f = ${f}`;
  const clusters = h === 1 ? '1 cluster declares' : `${h} clusters declare`;
  return `${blind}, and ${clusters} it: fewer than 2f + 1, so ${withstood} liars among them are withstood, not f = ${f}`;
}
