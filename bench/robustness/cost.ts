import { aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import type { TrustedLoss } from '../../aggregation/trusted/trusted-loss.ts';
import { unwrap } from '../../base/fault.ts';
import { seededNumbers } from '../../base/random.ts';
import { lcgMatrix } from '../harness/lcg.ts';
import { describeMachine } from '../harness/machine.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { keepPiece, type Piece } from './kept.ts';
import { softmaxLoss } from './softmax-loss.ts';

/** Issue 16's shape: 65,000 features of 15 classes are 975,000 values; 150 examples of 50 features each. */
const [n, f, classes, features] = [100, 20, 15, 65_000];
export const costPart = 'cost n=100 f=20 d=975000';
const repeats = 3;

/** What is measured: what a round runs without a sample, and with one that answers in either way. */
export const costRules = [
  'mixing + multi-krum',
  'trusted weights, linear outputs',
  'trusted weights, gradient',
] as const;

/**
 * Processor seconds of one aggregation, all threads together: what a machine that does other work besides can still tell.
 * Median of three after one that warms up. The explanation is left out of all alike.
 */
export async function measureCost(report: Report): Promise<void> {
  const d = features * classes;
  const rows = lcgMatrix(n, f, d).map((row) => {
    const shared = new Float32Array(new SharedArrayBuffer(row.byteLength));
    shared.set(row);
    return shared;
  });
  const source = unwrap(memoryBlocks(rows));
  const { linear, gradient, ...loss } = sparseLoss();
  const algebra = fastAlgebra();
  const losses: Record<(typeof costRules)[number], TrustedLoss | undefined> = {
    'mixing + multi-krum': undefined,
    'trusted weights, linear outputs': { ...loss, ...(linear && { linear }) },
    'trusted weights, gradient': { ...loss, ...(gradient && { gradient }) },
  };
  try {
    for (const rule of costRules) {
      const trusted = losses[rule];
      const policy: AggregationPolicy = defaultPolicy(f, { sample: trusted !== undefined });
      const runs: number[] = [];
      for (let run = 0; run <= repeats; run++) {
        const before = process.cpuUsage();
        const context = { base: new Float32Array(d), measure: false, ...(trusted && { trusted: { loss: trusted } }) };
        unwrap(await aggregate(policy, source, algebra, memorySink(d), context));
        const { user, system } = process.cpuUsage(before);
        if (run > 0) runs.push((user + system) / 1e6);
      }
      const cpuSeconds = median(runs);
      report.record({ case: `${costPart}: ${rule}`, cpuSeconds, runs });
      const cells: Piece['cells'] = [
        { rule, behaviour: 'cost', seeds: [], accuracy: null, recall: null, backdoor: null, cpuSeconds },
      ];
      await keepPiece({
        part: costPart,
        rule,
        commit: describeMachine().commit,
        measuredAt: new Date().toISOString(),
        cells,
      });
    }
  } finally {
    await algebra.close();
  }
}

function sparseLoss(): TrustedLoss {
  const random = seededNumbers('cost');
  const sample = Array.from({ length: 10 * classes }, (_, at) => ({
    indices: Uint16Array.from({ length: 50 }, () => random.integer(features)).sort(),
    values: new Float64Array(50).fill(1 / Math.sqrt(50)),
    label: at % classes,
  }));
  return softmaxLoss(sample, { features, classes }, Array.from({ length: classes }, (_, at) => `c${at}`)); // biome-ignore format: one line
}

export function costTable(pieces: readonly Piece[], report: Report): void {
  const secondsOf = (rule: string) =>
    pieces.find((each) => each.part === costPart && each.rule === rule)?.cells[0]?.cpuSeconds;
  const today = secondsOf(costRules[0]);
  if (today === undefined) return;
  report.text(
    '## Cost of a rule\n\nn = 100, f = 20, d = 975,000: processor seconds of one aggregation, all threads together.',
  );
  report.table(
    ['rule', 'processor seconds', 'times mixing + multi-krum', 'bar', ''],
    costRules.flatMap((rule, at) => {
      const seconds = secondsOf(rule);
      if (seconds === undefined) return [];
      const ratio = seconds / today;
      const bar = at === 0 ? ['', ''] : ['≤ 2', ratio <= 2 ? 'met' : '**missed**'];
      return [[rule, seconds.toFixed(2), ratio.toFixed(2), ...bar]];
    }),
  );
}
