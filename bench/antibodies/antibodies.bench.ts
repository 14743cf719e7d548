import { quantile } from '../../client/antibodies/normal-tail.ts';
import { vaccinate } from '../../client/antibodies/vaccinated-scorer.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { areaUnderRoc, detectionRateAt } from '../../client/tracks/metrics.ts';
import type { Example } from '../../client/tracks/syscall/traces/example.ts';
import { readAll } from '../../lab/data/recorded-traces.ts';
import type { Antibody } from '../../proto/antibody.ts';
import { auc, percent } from '../detection/world.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { publicData } from '../harness/public-data.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';
import type { Report } from '../harness/report.ts';
import { type Confirmed, confirmedOnce } from './catalogue.ts';
import { type Cluster, exampleOf, type Herd, herdOf } from './herd.ts';
import { poisoned, poisons } from './poison.ts';
import { speed } from './speed.ts';

export const bench: Bench = {
  name: 'antibodies',
  summary:
    'What clusters gain from an attack that one other cluster confirmed, what poisoned antibodies cost, and what one costs in time.',
  run,
};

/** Seeds of who confirms what: 1 to 3 and 9 to 11 chose the constants, these are reported. */
const reported = [4, 5, 6, 7, 8];

async function run(options: BenchOptions, report: Report): Promise<void> {
  const traces = await recordedTraces();
  const few = ['c01', 'c03', 'c08'];
  const recorded = options.small ? everyThird(traces.filter(({ cluster }) => few.includes(cluster ?? ''))) : traces;
  const herd = await herdOf(recorded, ({ cluster }) => cluster ?? '');
  const seeds = options.small ? [1] : reported;
  const wants = (part: string) => options.only === undefined || part.includes(options.only);
  if (wants('recorded')) await gained('recorded', herd, seeds, report);
  if (wants('poison')) await poisonedHerd(herd, options.small ? [1] : seeds.slice(0, 3), report);
  if (wants('speed')) await speed(herd, options.small ? 1 : 7, report);
  if (options.small) return;
  const adfa = publicData('syscalls', 'adfa_ld.tsv.gz');
  if (adfa === undefined) return report.text('ADFA-LD may not be shipped, and was not beside the checkout.');
  const dealt = dealtOut(await readAll(adfa, 'i386'));
  if (wants('ADFA-LD')) await gained('ADFA-LD', await herdOf(dealt, sessionOf), seeds, report);
}

/** Of each cluster's every family, learnt from and unseen, a third: enough for each kind of answer, whatever it comes to. */
function everyThird(traces: readonly Trace[]): Trace[] {
  const met = new Map<string, number>();
  return traces.filter(({ cluster, split, family }) => {
    const kind = `${cluster} ${split} ${family}`;
    const before = met.get(kind) ?? 0;
    met.set(kind, before + 1);
    return before % 3 === 0;
  });
}

/** One host as five clusters: normal traces line by line, attacks session by session, since one session's traces are alike. */
function dealtOut(traces: readonly Trace[]): Trace[] {
  const sessions = new Map<string, number>();
  return traces.map((trace, at) => {
    const session = sessionOf(trace);
    if (!isBenign(trace) && !sessions.has(session)) sessions.set(session, sessions.size);
    return { ...trace, service: 'host', cluster: `a${(isBenign(trace) ? at : (sessions.get(session) ?? 0)) % 5}` };
  });
}

function sessionOf({ name }: Trace): string {
  return name.split('/')[0] ?? '';
}

/** Leave one family out: found before and after one other cluster confirmed 1, 5 and 20 traces of it. */
async function gained(name: string, herd: Herd, seeds: readonly number[], report: Report): Promise<void> {
  const before = await judge(herd, []);
  const rows: string[][] = [];
  for (const many of [1, 5, 20]) {
    const perFamily = new Map<string, { before: Quality[]; after: Quality[] }>();
    for (const seed of seeds) {
      const confirmed = confirmedOnce(herd, many, seed);
      const after = await judge(
        herd,
        confirmed.map(({ antibody }) => antibody),
      );
      for (const one of confirmed) {
        const found = perFamily.get(one.family) ?? { before: [], after: [] };
        perFamily.set(one.family, found);
        found.before.push(qualityOf(herd, before, one));
        found.after.push(qualityOf(herd, after, one));
      }
    }
    for (const [family, found] of [...perFamily, ['**mean**', flattened(perFamily)] as const]) {
      const [was, is] = [meanQuality(found.before), meanQuality(found.after)];
      if (Number.isNaN(was.auc)) continue;
      report.record({ case: `${name} ${family} ${many}`, before: was, after: is });
      if (family !== '**mean**' && many !== 20) continue;
      rows.push([family, String(many), auc(was.auc), auc(is.auc), percent(was.at1), percent(is.at1)]);
    }
  }
  report.text(
    `## ${name}: an attack that one other cluster confirmed

Every family is confirmed by one cluster, in at most so many traces; all these antibodies together are tried by every cluster. Judged are the families' traces of other clusters and other occasions, against all benign traces; the mean is over families and ${seeds.length} draws of who confirms.`,
  );
  report.table(
    ['family', 'traces confirmed', 'AUC before', 'AUC after', 'found at 1 % before', 'found at 1 % after'],
    rows,
  );
  const mean = rows.find(([family, many]) => family === '**mean**' && many === '20');
  if (mean === undefined) throw new Error(`${name}: nothing was confirmed`);
}

async function poisonedHerd(herd: Herd, seeds: readonly number[], report: Report): Promise<void> {
  const hostile = herd.clusters.slice(0, Math.round(herd.clusters.length * 0.3));
  const rows: string[][] = [];
  for (const poison of [undefined, ...poisons]) {
    const found: (Quality & { alarms: number })[] = [];
    for (const seed of seeds) {
      const confirmed = confirmedOnce(herd, 20, seed).filter(
        ({ antibody }) => !hostile.some(({ name }) => name === antibody.cluster),
      );
      const lies = poison === undefined ? [] : poisoned(herd, hostile, confirmed, poison);
      const antibodies = [...confirmed.map(({ antibody }) => antibody), ...lies];
      const judged = await judge(herd, antibodies);
      const limits = await limitsOf(herd, antibodies);
      const honest = judged.filter(({ trace }) => !hostile.some(({ name }) => name === trace.cluster));
      const mean = meanQuality(confirmed.map((one) => qualityOf(herd, honest, one)));
      const benign = honest.filter(({ trace }) => isBenign(trace));
      const above = benign.filter(({ trace, score }) => score > (limits.get(trace.cluster ?? '') as number));
      found.push({ ...mean, alarms: above.length / benign.length });
    }
    const mean = { ...meanQuality(found), alarms: meanOf(found.map(({ alarms }) => alarms)) };
    report.record({ case: `poison ${poison ?? 'none'}`, ...mean });
    rows.push([poison ?? 'none', percent(mean.alarms), auc(mean.auc), percent(mean.at1)]);
  }
  report.text(
    `## Poisoned antibodies from 30 % of the clusters

${hostile.length} of ${herd.clusters.length} clusters offer one poisoned antibody each, beside the true ones of the others (20 traces each). Alarms: benign traces of honest clusters above what one in a hundred of the cluster's own normal traces passes, half of which judge the other half.`,
  );
  report.table(['poison', 'benign above the limit', 'mean AUC of the families', 'found at 1 %'], rows);
}

type Judged = Readonly<{ trace: Trace; score: number }>;
type Quality = Readonly<{ auc: number; at1: number }>;

/** Every cluster's unseen traces, judged by its model and the antibodies that others made. */
async function judge(herd: Herd, antibodies: readonly Antibody[]): Promise<Judged[]> {
  const judged: Judged[] = [];
  for (const cluster of herd.clusters) {
    const scores = await scoresOf(herd, cluster, antibodies, cluster.normal, cluster.unseen.map(exampleOf));
    for (const [at, trace] of cluster.unseen.entries()) judged.push({ trace, score: scores[at] as number });
  }
  return judged;
}

/** By cluster, what one in a hundred of its own normal traces passes that were not learnt. */
async function limitsOf(herd: Herd, antibodies: readonly Antibody[]): Promise<Map<string, number>> {
  const limits = new Map<string, number>();
  for (const cluster of herd.clusters) {
    const [learnt, others] = [0, 1].map((odd) => cluster.normal.filter((_, at) => at % 2 === odd)) as [
      Example[],
      Example[],
    ];
    const scores = await scoresOf(herd, cluster, antibodies, learnt, others);
    limits.set(
      cluster.name,
      quantile(
        scores.sort((a, b) => a - b),
        0.99,
      ),
    );
  }
  return limits;
}

/** Of examples, by a cluster that has learnt those and tried the antibodies of all others on them. */
async function scoresOf(
  herd: Herd,
  cluster: Cluster,
  antibodies: readonly Antibody[],
  learnt: readonly Example[],
  examples: readonly Example[],
): Promise<number[]> {
  const foreign = antibodies.filter((one) => one.cluster !== cluster.name || one.family.startsWith('poison'));
  const antigensOf = ({ calls }: Example) => herd.antigensOf(calls);
  const { scorer } = await vaccinate(cluster.open, { antigensOf }, foreign, learnt);
  return scorer.score(examples).map(({ scores }) => scores[0] as number);
}

function qualityOf(herd: Herd, judged: readonly Judged[], { family, antibody, occasions }: Confirmed): Quality {
  const benign = judged.filter(({ trace }) => isBenign(trace) && trace.family !== 'drift');
  const hostile = judged.filter(
    ({ trace }) =>
      trace.family === family &&
      !isBenign(trace) &&
      trace.cluster !== antibody.cluster &&
      !occasions.has(herd.occasionOf(trace)),
  );
  const [low, high] = [benign, hostile].map((some) => some.map(({ score }) => score)) as [number[], number[]];
  return { auc: areaUnderRoc(low, high), at1: detectionRateAt(low, high, 0.01) };
}

function flattened(all: ReadonlyMap<string, { before: Quality[]; after: Quality[] }>) {
  const found = [...all.values()];
  return { before: found.flatMap(({ before }) => before), after: found.flatMap(({ after }) => after) };
}

/** Where a family has no other occasion there is nothing to judge, and nothing to count. */
function meanQuality(found: readonly Quality[]): Quality {
  const there = found.filter(({ auc: area }) => !Number.isNaN(area));
  return { auc: meanOf(there.map(({ auc: area }) => area)), at1: meanOf(there.map(({ at1 }) => at1)) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
