import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import { defaultPolicy } from '../../aggregation/policy.ts';
import type { Quality } from '../../client/tracks/quality.ts';
import { evaluate, withoutDuplicates } from '../../client/tracks/syscall/offline/evaluation.ts';
import { plainMean } from '../../lab/federation/plain-mean.ts';
import type { Report } from '../harness/report.ts';
import { aggregated } from './federation.ts';
import { aucOf } from './floors.ts';
import { onceAModel } from './once-a-model.ts';
import { type PublicSetName, publicFederation, publicFloor, publicSplit } from './public-federation.ts';
import { stateLearner } from './state-learner.ts';
import { auc, judged, percent, scoresOf, type World } from './world.ts';

/** So many of ten clusters are hostile, and what of the area under the curve their attacks may cost. */
const bars = new Map([
  [2, 0.01],
  [3, 0.02],
]);
type Judged = Readonly<{ all: Quality; distinct: Quality; alone?: number }>;

/** Every attack on the recorded federation: f of ten clusters are hostile. */
export async function attacked(world: World, f: number, report: Report): Promise<void> {
  const ten: World = {
    ...world,
    names: world.names.slice(0, 10),
    training: world.training.slice(0, 10),
    locals: world.locals.slice(0, 10),
  };
  const judges = ten.unseen.filter(({ cluster }) => ten.names.indexOf(cluster ?? '') >= f);
  const learnState = stateLearner(ten.detector);
  const statesWith = (weights: Float32Array) =>
    new Map(ten.names.slice(f).map((name, at) => [name, learnState(weights, ten.training[f + at] ?? [])] as const));
  const quality = (weights: Float32Array): Judged => {
    const scores = scoresOf(ten, weights, statesWith(weights), judges);
    const scored = judges.map((trace, at) => ({ trace, score: scores[at] as number }));
    return {
      all: judged(judges, scores).overall,
      distinct: evaluate(withoutDuplicates(scored)).overall,
      alone: aucOf(judges, scoresOf(ten, weights, new Map(), judges)),
    };
  };
  report.text(
    `## Attacked: recorded clusters, ${f} of 10 hostile

Ten clusters, one round: what they learnt does not depend on the model that they got. "Deployed" is what an honest cluster runs, the federated model with its local memory; "alone" is the model by itself. The first ${f} clusters are hostile under each attack of \`aggregation/attacks\` and contribute nothing honest; all figures are on unseen traces of the honest clusters. In the row "silent" nobody attacks and the hostile ones are missing: that loss is of their data. A round is refused where so many updates are no numbers or too long that the rest is fewer than the rule needs: the last release stays. The plain mean has the same admission, which is why it survives those.`,
  );
  await underEveryAttack({ set: 'recorded', locals: ten.locals, f, quality }, report);
}

/** A public set's federation beside its baselines; false where the set is not at hand. */
export async function publicStudy(set: PublicSetName, report: Report): Promise<boolean> {
  const split = await publicSplit(set);
  if (split === undefined) return false;
  const floor = publicFloor(split).overall;
  const algebra = fastAlgebra();
  const two = publicFederation(split, 'two-views');
  const table = publicFederation(split, 'gram-table');
  const federated = async (locals: readonly Float32Array[]) => {
    const weights = await aggregated(locals, defaultPolicy(0), algebra, 1);
    if (weights === undefined) throw new Error(`${set}: the rule refused an honest round`);
    return weights;
  };
  const rows = [
    ['**two views, federated** (the default)', two.quality(await federated(two.locals))],
    ['two views, one place learns all', two.quality(two.pooled())],
    ['gram table, federated', table.quality(await federated(table.locals))],
  ] as const;
  await algebra.close();
  report.text(
    `## ${set}

Not shipped. ${split.learnt.length} normal traces of ten clusters (Dirichlet(0.5)) are learnt, ${split.unseen.length} judge. The federated model alone: the set names no cluster to remember anything.`,
  );
  report.table(
    ['detector', 'AUC', 'found at 5 %', 'found at 1 %', 'AUC, distinct contents'],
    [
      ...rows.map(([name, { all, distinct }]) => {
        report.record({ case: `${set} ${name}`, ...all, aucDistinct: distinct.auc });
        return [name, auc(all.auc), percent(all.foundAt5), percent(all.foundAt1), auc(distinct.auc)];
      }),
      [
        'floor: unseen 6-grams (STIDE), all data in one place',
        auc(floor.auc),
        percent(floor.foundAt5),
        percent(floor.foundAt1),
        '',
      ],
    ],
  );
  report.record({ case: `${set} STIDE`, ...floor });
  return true;
}

/** Every attack on a public set's federation: f of ten clusters are hostile. */
export async function publicAttacked(set: PublicSetName, f: number, report: Report): Promise<boolean> {
  const split = await publicSplit(set);
  if (split === undefined) return false;
  const { locals, quality } = publicFederation(split, 'two-views');
  report.text(`### ${set}, ${f} of 10 hostile`);
  await underEveryAttack({ set, locals, f, quality }, report);
  return true;
}

type Study = Readonly<{
  set: string;
  locals: readonly Float32Array[];
  f: number;
  quality(weights: Float32Array): Judged;
}>;

async function underEveryAttack(study: Study, report: Report): Promise<void> {
  const algebra = fastAlgebra();
  const all = ['none', 'silent', ...(Object.keys(attacks) as AttackName[])] as const;
  const rows: string[][] = [];
  const quality = onceAModel(study.quality);
  let honest: Judged | undefined;
  let worst = { attack: '', loss: Number.NEGATIVE_INFINITY };
  for (const attack of all) {
    const { ours, mean } = await underAttack({ ...study, quality }, attack, algebra);
    if (attack === 'none') honest = ours;
    report.record({ case: `${study.set} f=${study.f} ${attack}`, ours: ours ?? null, mean: mean ?? null });
    const loss = (honest?.all.auc ?? Number.NaN) - (ours?.all.auc ?? Number.NaN);
    if (attack !== 'none' && attack !== 'silent' && loss > worst.loss) worst = { attack, loss };
    rows.push([attack, ...cellsOf(ours), ...cellsOf(mean).slice(0, 1), ...aloneOf(study, ours, mean)]);
  }
  await algebra.close();
  const bar = bars.get(study.f) as number;
  const isRecorded = study.set === 'recorded';
  const label = isRecorded ? 'deployed' : 'federated';
  report.table(
    [
      'attack',
      `${label}: AUC`,
      'distinct contents',
      'found at 1 %',
      `plain mean, ${label}`,
      ...(isRecorded ? ['alone', 'plain mean, alone'] : []),
    ],
    rows,
  );
  report.text(
    `The costliest attack is ${worst.attack}: ${worst.loss.toFixed(4)} below the row "none" (bar: ${bar}; ${worst.loss <= bar ? 'met' : '**missed**'}).`,
  );
}

function cellsOf(found: Judged | undefined): string[] {
  return found === undefined
    ? ['round refused', '–', '–']
    : [auc(found.all.auc), auc(found.distinct.auc), percent(found.all.foundAt1)];
}

function aloneOf({ set }: Study, ours: Judged | undefined, mean: Judged | undefined): string[] {
  return set === 'recorded' ? [auc(ours?.alone ?? Number.NaN), auc(mean?.alone ?? Number.NaN)] : [];
}

/** By the default rule and by the plain mean; undefined where the round is refused. */
async function underAttack(
  { locals, f, quality }: Study,
  attack: AttackName | 'none' | 'silent',
  algebra: LinearAlgebra,
): Promise<{ ours: Judged | undefined; mean: Judged | undefined }> {
  const hostile = attack === 'none' || attack === 'silent' ? undefined : { attack, f };
  const sending = attack === 'silent' ? locals.slice(f) : locals;
  // Fewer than the rule needs are left of three silent ones in ten: they are averaged, as nobody of them is assumed to lie.
  const policy = defaultPolicy(attack === 'silent' ? 0 : f);
  const judgedBy = async (by: typeof policy) => {
    const weights = await aggregated(sending, by, algebra, 1, hostile);
    return weights === undefined ? undefined : quality(weights);
  };
  return { ours: await judgedBy(policy), mean: await judgedBy(plainMean) };
}
