import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { defaultPolicy } from '../../aggregation/policy.ts';
import type { Quality } from '../../client/tracks/quality.ts';
import { aggregated } from '../detection/federation.ts';
import { onceAModel } from '../detection/once-a-model.ts';
import { type LearnState, stateLearner } from '../detection/state-learner.ts';
import { auc, judged, percent, recordedWorld, scoresOf, type World } from '../detection/world.ts';
import { recordedFlows } from '../flow-detection/recorded-flows.ts';
import type { Report } from '../harness/report.ts';
import { guessingFamily, ratesAt, timesOf } from './trace-times.ts';
import { scoresWithRates, thresholdsOf } from './workload-thresholds.ts';

/** So many of ten clusters are hostile, and what of the area under the curve their attacks may cost. */
const bars = [
  [2, 0.01],
  [3, 0.02],
] as const;

type Found = Readonly<{ all: Quality; guessing: Quality }>;
type Seen = ReturnType<typeof ratesAt>;
type Figures = Readonly<{ before: Found; after: Found }>;

/** Every attack on the recorded federation, as the page `detection` runs them, with the rates of workloads beside the scores. */
export async function guessingAttacked(report: Report): Promise<void> {
  const flows = recordedFlows();
  const world = await recordedWorld();
  const seen = ratesAt(timesOf(world.unseen, flows, 'in turn'), flows);
  const learnState = stateLearner(world.detector);
  report.text(
    `## Traces with rates, some clusters hostile

The default detector on ten recorded clusters, of which the first two or three lie under each attack of \`aggregation/attacks\`; figures are of the unseen traces of the honest ones, as on the page [detection](detection.md). Rates are a client's own counts, which no other cluster's update touches; thresholds are learnt from scores of the model that the liars left. Connections that are unknown are taken in turn. Attacks whose rounds come to the same model by a bit stand in one row.`,
  );
  for (const [f, loss] of bars) {
    const byModel = await figuresByModel(world, f, learnState, seen);
    const honest = byModel.find(({ names }) => names.includes('none'))?.figures;
    if (honest === undefined) throw new Error('the rule refused an honest round');
    const rows = byModel.map(({ names, figures: { before, after } }) => {
      report.record({ case: `guessing f=${f} ${names.join(', ')}`, before, after });
      const cells = [before, after].flatMap(({ all, guessing }) => [
        auc(all.auc),
        percent(all.foundAt1),
        auc(guessing.auc),
      ]);
      return [names.join(', '), ...cells];
    });
    report.table(
      [
        `${f} of 10 hostile`,
        'AUC before',
        'found at 1 % before',
        'guesses before',
        'AUC with rates',
        'found at 1 % with rates',
        'guesses with rates',
      ],
      rows,
    );
    const costs = byModel.map(({ names, figures }) => ({
      names,
      cost: honest.after.all.auc - figures.after.all.auc,
    }));
    const worst = costs.reduce((most, one) => (one.cost > most.cost ? one : most));
    report.text(
      `The costliest with rates is ${worst.names[0]}: ${worst.cost.toFixed(4)} below the row with "none" (bar: ${loss}; ${worst.cost <= loss ? 'met' : '**missed**'}).`,
    );
  }
}

/** What honest clusters find by the models that the attacks leave; refused rounds leave none. */
async function figuresByModel(
  world: World,
  f: number,
  learnState: LearnState,
  seen: Seen,
): Promise<{ names: string[]; figures: Figures }[]> {
  const ten = world.locals.slice(0, 10);
  const honest = honestOf(world, f);
  const algebra = fastAlgebra();
  const figures = onceAModel((weights) => figuresOf(honest, weights, learnState, seen));
  const found = new Map<Figures, string[]>();
  for (const attack of ['none', ...(Object.keys(attacks) as AttackName[])] as const) {
    const weights = await aggregated(ten, defaultPolicy(f), algebra, 1, attack === 'none' ? undefined : { attack, f });
    if (weights === undefined) continue;
    const left = await figures(weights);
    found.set(left, [...(found.get(left) ?? []), attack]);
  }
  await algebra.close();
  return [...found].map(([left, names]) => ({ names, figures: left }));
}

function honestOf(world: World, f: number): World {
  const names = world.names.slice(f, 10);
  return {
    ...world,
    names,
    training: world.training.slice(f, 10),
    unseen: world.unseen.filter(({ cluster }) => names.includes(cluster ?? '')),
  };
}

async function figuresOf(world: World, weights: Float32Array, learnState: LearnState, seen: Seen): Promise<Figures> {
  const states = new Map(world.names.map((name, at) => [name, learnState(weights, world.training[at] ?? [])] as const));
  const alone = scoresOf(world, weights, states);
  const both = scoresWithRates(world.unseen, alone, await thresholdsOf(world, weights, learnState), seen);
  const foundBy = (scores: ArrayLike<number>): Found => {
    const { overall, byFamily } = judged(world.unseen, scores);
    const guessing = byFamily[guessingFamily];
    if (guessing === undefined) throw new Error('nobody guesses a password');
    return { all: overall, guessing };
  };
  return { before: foundBy(alone), after: foundBy(both) };
}
