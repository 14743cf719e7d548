import { type Aggregated, ok } from '../fault.ts';
import type { ClassVerdict, Plan, Updates } from '../updates.ts';
import { coordinateMedian } from './coordinate-wise.ts';
import { geometricMedian } from './geometric-median.ts';

/** `shares`: as everywhere else. The others look at declared holders alone, and only where two of them cannot tie. */
export type BlindRule = 'shares' | 'coordinateMedian' | 'geometricMedian';

const weiszfeld = { smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100, start: 'mean' } as const;

/**
 * One class's block, of rows [n, length] that are clipped already. Where the sample sees the class the shares decide. Where it
 * is blind, the median of those who declare the class does, which withstands ⌊(h − 1)/2⌋ liars among h of them: f where
 * h ≥ 2f + 1. Others have nothing to say in a block whose class they do not run.
 */
export async function blindBlock(
  rows: Updates,
  f: number,
  { rule, shares, holders }: Readonly<{ rule: BlindRule; shares: Float64Array; holders: readonly number[] }>,
): Promise<Aggregated<Readonly<{ plan: Plan; verdict: Omit<ClassVerdict, 'class' | 'covered'> }>>> {
  const { engine, source } = rows;
  if (rule === 'shares' || holders.length === 0) {
    const plan = { kind: 'combine', source, weights: shares, divisor: 1 } as const;
    return ok({ plan, verdict: { holders, leftOut: [], f, text: '' } });
  }
  const withstands = Math.min(f, Math.floor((holders.length - 1) / 2));
  const held = { ...rows, engine, source: source.pick(holders) };
  const decided = await (rule === 'coordinateMedian'
    ? coordinateMedian(held, withstands)
    : geometricMedian(held, withstands, weiszfeld));
  if (!decided.ok) return decided;
  return ok({ plan: decided.value.plan, verdict: { holders, leftOut: [], f: withstands, text: '' } });
}
