import { type AggregationContext, aggregate } from '../../aggregation/aggregate.ts';
import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import type { LossGradient, TrustedLoss } from '../../aggregation/trusted/trusted-loss.ts';
import { unwrap } from '../../base/fault.ts';
import { seededNumbers } from '../../base/random.ts';
import { lcgMatrix } from '../harness/lcg.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { dated, keepPiece, type Piece } from './kept.ts';
import { softmaxLoss } from './softmax-loss.ts';

/** Issue 16's shape: 65,000 features of 15 classes are 975,000 values; 150 examples of 50 features each. */
const [n, f, classes, features] = [100, 20, 15, 65_000];
export const costPart = 'cost n=100 f=20 d=975000';
const repeats = 3;

/** What is measured: what a round runs without a sample, and with one that answers in either way or holds half of the classes. */
export const costRules = [
  'mixing + multi-krum',
  'trusted weights, linear outputs',
  'trusted weights, gradient',
  'trusted weights, gradient, attacks told apart',
  'trusted weights, half of the classes, blind by evidence',
  'trusted weights, half of the classes, blind by contrast',
] as const;
type CostRule = (typeof costRules)[number];

/**
 * Processor seconds of one aggregation, all threads together: what a machine that does other work besides can still tell. The rules
 * take turns, so that what else the machine does falls on all of them; of each the median of three after one that warms up,
 * and the median of its ratios to the first within a turn. The explanation is left out of all alike.
 */
export async function measureCost(report: Report): Promise<void> {
  const d = features * classes;
  const rows = lcgMatrix(n, f, d).map((row) => {
    const shared = new Float32Array(new SharedArrayBuffer(row.byteLength));
    shared.set(row);
    return shared;
  });
  const source = unwrap(memoryBlocks(rows));
  const [all, halfOfThem] = [sparseLoss(classes), sparseLoss(Math.ceil(classes / 2))];
  const algebra = fastAlgebra();
  const runs = new Map<CostRule, number[]>(costRules.map((rule) => [rule, []]));
  try {
    for (let turn = 0; turn <= repeats; turn++) {
      for (const rule of costRules) {
        const { policy, context } = askedOf(rule, all, halfOfThem);
        const before = process.cpuUsage();
        unwrap(await aggregate(policy, source, algebra, memorySink(d), context));
        const { user, system } = process.cpuUsage(before);
        if (turn > 0) runs.get(rule)?.push((user + system) / 1e6);
      }
    }
  } finally {
    await algebra.close();
  }
  const first = runs.get(costRules[0]) ?? [];
  for (const [rule, seconds] of runs) {
    const cpuSeconds = median(seconds);
    const ratio = median(seconds.map((each, turn) => each / (first[turn] as number)));
    report.record({ case: `${costPart}: ${rule}`, cpuSeconds, ratio, runs: seconds });
    const nothing = { seeds: [], accuracy: null, recall: null, backdoor: null };
    await keepPiece({
      part: costPart,
      rule,
      cells: [dated({ rule, behaviour: 'cost', ...nothing, cpuSeconds, ratio })],
    });
  }
}

/** Every cluster declares two classes, as in the studies above. */
function askedOf(
  rule: CostRule,
  all: TrustedLoss,
  halfOfThem: TrustedLoss,
): Readonly<{ policy: AggregationPolicy; context: AggregationContext }> {
  const half = rule.includes('half');
  const { linear, gradient, ...loss } = half ? halfOfThem : all;
  const base = new Float32Array(features * classes);
  const trusted = (more: Partial<TrustedLoss>) => ({ base, measure: false, trusted: { loss: { ...loss, ...more } } });
  const policy = defaultPolicy(f, { sample: true });
  switch (rule) {
    case 'mixing + multi-krum':
      return { policy: defaultPolicy(f), context: { base, measure: false } };
    case 'trusted weights, linear outputs':
      return { policy, context: trusted({ ...(linear && { linear }) }) };
    case 'trusted weights, gradient':
      return { policy, context: trusted({ ...(gradient && { gradient }) }) };
    case 'trusted weights, gradient, attacks told apart':
      // Attacks: as many examples again, wanted to look like another class.
      return { policy, context: trusted({ ...(gradient && { gradient, attacks: sparseLoss(classes, 'attacks').gradient as LossGradient }) }) }; // biome-ignore format: one line
    default: {
      const blind = rule.endsWith('contrast') ? 'contrast' : 'evidence';
      const blocks = Array.from({ length: classes }, (_, at) => ({
        class: nameOf(at),
        ranges: [{ offset: at * features, length: features }],
      }));
      const declared = Array.from({ length: n }, (_, row) => [nameOf(row % classes), nameOf((row + 4) % classes)]);
      return {
        policy: { ...policy, rule: { ...(policy.rule as TrustedWeightsRule), blind } },
        context: { ...trusted({ ...(linear && { linear }), ...(gradient && { gradient }) }), classes: { blocks, declared } }, // biome-ignore format: one line
      };
    }
  }
}

type TrustedWeightsRule = Extract<AggregationPolicy['rule'], { kind: 'trustedWeights' }>;

const nameOf = (at: number) => `c${at}`;

function sparseLoss(covered: number, seed = 'cost'): TrustedLoss {
  const random = seededNumbers(seed);
  const sample = Array.from({ length: 10 * covered }, (_, at) => ({
    indices: Uint16Array.from({ length: 50 }, () => random.integer(features)).sort(),
    values: new Float64Array(50).fill(1 / Math.sqrt(50)),
    label: at % covered,
  }));
  return softmaxLoss(sample, { features, classes }, Array.from({ length: classes }, (_, at) => nameOf(at))); // biome-ignore format: one line
}

export function costTable(pieces: readonly Piece[], report: Report): void {
  const cellOf = (rule: string) => pieces.find((each) => each.part === costPart && each.rule === rule)?.cells[0];
  if (cellOf(costRules[0]) === undefined) return;
  report.text(
    '## Cost of a rule\n\nn = 100, f = 20, d = 975,000: processor seconds of one aggregation, all threads together. The rules take turns; ratios are of the same turn, medians of three.',
  );
  report.table(
    ['rule', 'processor seconds', 'times mixing + multi-krum', 'bar', ''],
    costRules.flatMap((rule, at) => {
      const { cpuSeconds, ratio } = cellOf(rule) ?? {};
      if (cpuSeconds === undefined || ratio === undefined) return [];
      const bar = at === 0 ? ['', ''] : ['≤ 2', ratio <= 2 ? 'met' : '**missed**'];
      return [[rule, cpuSeconds.toFixed(2), ratio.toFixed(2), ...bar]];
    }),
  );
}
