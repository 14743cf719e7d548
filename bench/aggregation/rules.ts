import { mixNearestNeighbours } from '../../aggregation/before/nearest-neighbour-mixing.ts';
import { memorySink, type UpdateBlocks } from '../../aggregation/blocks/blocks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import { bulyan } from '../../aggregation/rules/bulyan.ts';
import { coordinateMedian, trimmedMean } from '../../aggregation/rules/coordinate-wise.ts';
import { geometricMedian } from '../../aggregation/rules/geometric-median.ts';
import { krum } from '../../aggregation/rules/krum.ts';
import { multiKrum } from '../../aggregation/rules/multi-krum.ts';
import { carryOut, type Decision, type Updates, updatesOf } from '../../aggregation/updates.ts';
import { unwrap } from '../../base/fault.ts';

/** The rules that are measured, under the names that the peers' krum.py gives them. */
export const ruleNames = [
  'krum',
  'multi-krum',
  'bulyan',
  'median',
  'trimmed-mean',
  'geometric-median',
  'nnm-krum',
] as const;
export type RuleName = (typeof ruleNames)[number];

export type Aggregate = Readonly<{ values: Float64Array; decision: Decision; settledPairs: number }>;

/** What a peer's call does: from n vectors to one. Nothing is known beforehand, so nothing is saved from an earlier call. */
export async function aggregateBy(
  rule: RuleName,
  source: UpdateBlocks,
  f: number,
  algebra: LinearAlgebra,
): Promise<Aggregate> {
  const updates = updatesOf(algebra, source);
  const decision = await decide(rule, updates, f);
  const sink = memorySink(source.d);
  await carryOut(algebra, decision.plan, sink);
  const selecting = rule === 'krum' || rule === 'multi-krum' || rule === 'bulyan';
  return { values: sink.values, decision, settledPairs: selecting ? (await updates.distances()).settledPairs : 0 };
}

async function decide(rule: RuleName, updates: Updates, f: number): Promise<Decision> {
  switch (rule) {
    case 'krum':
      return unwrap(await krum(updates, f));
    case 'multi-krum':
      return unwrap(await multiKrum(updates, f, updates.source.n - f));
    case 'bulyan':
      return unwrap(await bulyan(updates, f));
    case 'median':
      return unwrap(await coordinateMedian(updates, f));
    case 'trimmed-mean':
      return unwrap(await trimmedMean(updates, f));
    case 'geometric-median':
      return unwrap(await geometricMedian(updates, f));
    case 'nnm-krum':
      return unwrap(await krum(unwrap(await mixNearestNeighbours(updates, f)).updates, f));
  }
}
