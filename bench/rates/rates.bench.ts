import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { edgesWithRates } from './edges.ts';
import { guessingWithRates } from './guessing.ts';
import { guessingAttacked } from './guessing-attacked.ts';
import { usualMinutes } from './usual-minutes.ts';

export const bench: Bench = {
  name: 'rates',
  summary: 'What counting by the minute adds to the scores of traces and of edges, on the recorded clusters.',
  run,
};

async function run({ only, small }: BenchOptions, report: Report): Promise<void> {
  const wants = (part: string) => only === undefined || part.includes(only);
  if (wants('minutes')) usualMinutes(report);
  if (wants('edges')) edgesWithRates(report);
  if (!small && wants('guessing')) await guessingWithRates(['two-views', 'gram-table'], report);
  if (!small && wants('attacked')) await guessingAttacked(report);
}
