import type { AggregationEngine } from '../../aggregation/engine.ts';
import { twinEngine } from '../../aggregation/engines/twin-engine.ts';
import type { AggregationPolicy, PreAggregation, Rule } from '../../aggregation/policy.ts';
import { seededNumbers } from '../../base/random.ts';
import { type ServiceTask, serviceTask } from '../../lab/data/service-task.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { type Behaviour, federatedAccuracy, type Setting } from './federation.ts';

export const bench: Bench = {
  name: 'robustness',
  summary:
    'What rules make of a federation whose clients differ and of which some attack it: balanced accuracy of a small model of recorded system calls.',
  run,
};

const byzantine = 3;
const setting: Setting = {
  honest: 17,
  byzantine,
  servicesEach: 2,
  rounds: 30,
  training: { steps: 5, batchSize: 16, learningRate: 4 },
};
const seeds = ['1', '2', '3'];

const mixing: PreAggregation = { kind: 'nearestNeighbourMixing' };
const buckets: PreAggregation = { kind: 'bucketing', size: 2 };
const krum: Rule = { kind: 'krum' };
const multiKrum: Rule = { kind: 'multiKrum', keep: { kind: 'allButF' } };
const trimmed: Rule = { kind: 'trimmedMean' };
const geometric: Rule = { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100 };

/** Admission is the same for all; f is 3 for all but the mean, which withstands none. */
const policies: Readonly<Record<string, AggregationPolicy>> = {
  mean: policy([], { kind: 'mean' }, 0),
  krum: policy([], krum),
  'multi-krum': policy([], multiKrum),
  bulyan: policy([], { kind: 'bulyan' }),
  median: policy([], { kind: 'coordinateMedian' }),
  'trimmed mean': policy([], trimmed),
  'geometric median': policy([], geometric),
  'centred clipping': policy([], { kind: 'centredClipping', radius: 2, steps: 1 }),
  'minimum diameter': policy([], { kind: 'minimumDiameterAveraging' }),
  'bucketing + krum': policy([buckets], krum),
  'bucketing + trimmed mean': policy([buckets], trimmed),
  'mixing + krum': policy([mixing], krum),
  'mixing + multi-krum': policy([mixing], multiKrum),
  'mixing + median': policy([mixing], { kind: 'coordinateMedian' }),
  'mixing + trimmed mean': policy([mixing], trimmed),
  'mixing + geometric median': policy([mixing], geometric),
  'clipping + mixing + krum': policy([{ kind: 'adaptiveClip' }, mixing], krum),
  'clipping + mixing + trimmed mean': policy([{ kind: 'adaptiveClip' }, mixing], trimmed),
};

const behaviours: readonly Behaviour[] = [
  'none',
  'label flip',
  'sign flip ×4',
  'gaussian',
  'alie z=1.5',
  'ipm ε=0.5',
  'mimic',
  'fang against krum',
  'min-max',
  'scaled replacement',
];

function policy(before: readonly PreAggregation[], rule: Rule, f = byzantine): AggregationPolicy {
  return { f, before, rule, admission: { normMax: 1e6, zeroUpdate: 'admit' } };
}

async function run(options: BenchOptions, report: Report): Promise<void> {
  const engine = twinEngine(); // Small models: nothing a faster engine would change, least of all the answer.
  const task = serviceTask(seededNumbers('robustness'));
  if (options.small) {
    await checkDirection(task, { ...setting, rounds: 12 }, engine, ['1'], report);
    return;
  }
  report.text(
    `${setting.honest + byzantine} clients, ${byzantine} of them Byzantine, train a softmax regression for ${setting.rounds} rounds: which of ` +
      `${task.services.length} services made this trace? (${task.train.length} recorded traces, ${task.test.length} others to test on, ` +
      `d = ${task.features * task.services.length}.) Each client holds traces of ${setting.servicesEach} services at most. Figures are balanced accuracy, ` +
      `percent, mean of ${seeds.length} seeds; guessing gives ${(100 / task.services.length).toFixed(0)}. Attacks see every honest update of the round. ` +
      '“mixing” is nearest-neighbour mixing, “clipping” adaptive clipping (ARC), buckets hold two.',
  );
  await checkDirection(task, setting, engine, seeds, report);
  await studyAttacks(task, engine, options, report);
}

/**
 * The direction of the bucketing paper's first table (Karimireddy, He, Jaggi, ICLR 2022): nobody attacks, clients
 * differ, and Krum alone loses what mixing or bucketing before it recovers. Throws where it does not come out.
 */
async function checkDirection(
  task: ServiceTask,
  skewed: Setting,
  engine: AggregationEngine,
  seeds: readonly string[],
  report: Report,
) {
  const names = ['mean', 'krum', 'bucketing + krum', 'mixing + krum'];
  const settings = { 'clients alike': { ...skewed, servicesEach: undefined }, 'clients differ': skewed };
  const rows: string[][] = [];
  const found = new Map<string, number>();
  for (const [kind, each] of Object.entries(settings)) {
    const accuracies = [];
    for (const name of names) {
      const accuracy = await averaged(task, each, policies[name] as AggregationPolicy, 'none', engine, seeds);
      report.record({ case: `${name}, ${kind}, nobody attacks`, accuracy });
      found.set(`${name} ${kind}`, accuracy);
      accuracies.push(percent(accuracy));
    }
    rows.push([kind, ...accuracies]);
  }
  const of = (name: string) => found.get(`${name} clients differ`) ?? Number.NaN;
  if (
    !(of('krum') < of('mean') - 0.2 && of('mixing + krum') > of('krum') + 0.2 && of('bucketing + krum') > of('krum'))
  ) {
    throw new Error(
      `Krum should lose on clients that differ, and mixing and bucketing recover: ${JSON.stringify(rows)}`,
    );
  }
  report.text('## Nobody attacks: what differing clients alone do to Krum');
  report.table(['', ...names], rows);
}

async function studyAttacks(
  task: ServiceTask,
  engine: AggregationEngine,
  { only }: BenchOptions,
  report: Report,
): Promise<void> {
  const rows: { name: string; accuracies: number[]; average: number; worst: number }[] = [];
  for (const [name, policy] of Object.entries(policies)) {
    if (only !== undefined && !name.includes(only)) continue;
    const accuracies: number[] = [];
    for (const behaviour of behaviours) {
      const accuracy = await averaged(task, setting, policy, behaviour, engine, seeds);
      report.record({ case: `${name} under ${behaviour}`, accuracy });
      accuracies.push(accuracy);
    }
    const average = accuracies.reduce((sum, accuracy) => sum + accuracy, 0) / accuracies.length;
    rows.push({ name, accuracies, average, worst: Math.min(...accuracies) });
  }
  report.text('## Rules against attacks, clients that differ');
  report.table(
    ['rule', ...behaviours, 'average', 'worst'],
    rows.map(({ name, accuracies, average, worst }) => [
      name,
      ...accuracies.map(percent),
      percent(average),
      `**${percent(worst)}**`,
    ]),
  );
  const ranked = rows.toSorted((a, b) => b.worst - a.worst).map(({ name, worst }) => `${name} (${percent(worst)})`);
  report.text(`By their worst case, best first: ${ranked.join(', ')}.`);
  report.text(
    'Under 8 means a model that was taught to be wrong. Differences of a point or two are noise; what mixing does ' +
      'for Krum, the median and the trimmed mean is not. `defaultPolicy` in `aggregation/policy.ts` follows from this table.',
  );
}

async function averaged(
  task: ServiceTask,
  setting: Setting,
  policy: AggregationPolicy,
  behaviour: Behaviour,
  engine: AggregationEngine,
  seeds: readonly string[],
): Promise<number> {
  let sum = 0;
  for (const seed of seeds) sum += await federatedAccuracy(task, setting, policy, behaviour, engine, seed);
  return sum / seeds.length;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
