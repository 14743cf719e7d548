import { type Aggregated, ok } from '../fault.ts';
import { clippedToMedian } from '../trusted/clipped-rows.ts';
import { type ClassVerdict, type Plan, type Updates, updatesOf } from '../updates.ts';
import { coordinateMedian } from './coordinate-wise.ts';
import { geometricMedian } from './geometric-median.ts';

/** `shares`: as everywhere else. The others ask those who declare the class, and nobody else. */
export type BlindRule = 'shares' | 'coordinateMedian' | 'geometricMedian';

const weiszfeld = { smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100, start: 'mean' } as const;

/**
 * The block of a class that the sample does not cover, shape [h, length], of those who declare the class: clipped to `clip`
 * times their own median norm (that of all rows would be the norm of those who know nothing of the class), then their
 * median. Withstands ⌊(h − 1)/2⌋ liars among the h: f where h ≥ 2f + 1. Others have nothing to say in it.
 */
export async function blindBlock(
  holders: Updates,
  rule: Exclude<BlindRule, 'shares'>,
  clip: number,
): Promise<Aggregated<Plan>> {
  const { engine, source } = holders;
  const blocks = [[{ offset: 0, length: source.d }]];
  const clipped = updatesOf(engine, await clippedToMedian(engine, source, { times: clip, blocks }));
  const withstands = liarsAmong(source.n);
  const decided = await (rule === 'coordinateMedian'
    ? coordinateMedian(clipped, withstands)
    : geometricMedian(clipped, withstands, weiszfeld));
  return decided.ok ? ok(decided.value.plan) : decided;
}

/** The most of h holders that may lie for their median to stay with the others. */
const liarsAmong = (h: number) => Math.max(0, Math.floor((h - 1) / 2));

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
  const withstood = covered ? f : asked ? Math.min(f, liarsAmong(h)) : 0;
  const clusters = h === 1 ? '1 cluster declares' : `${h} clusters declare`;
  const text = covered
    ? `the sample holds ${name}: what harms it gets no weight, whoever sends it`
    : asked && withstood === f
      ? `the sample does not hold ${name}; the median of the ${h} that declare it withstands f = ${f}`
      : asked
        ? `the sample does not hold ${name}, and ${clusters} it: fewer than 2f + 1, so ${withstood} liars among them are withstood, not f = ${f}`
        : `the sample does not hold ${name}, and ${h === 0 ? 'nobody declares it' : 'nobody who declares it is asked'}: nothing is promised of it`;
  return { class: name, covered, holders, leftOut: [], f: withstood, text };
}
