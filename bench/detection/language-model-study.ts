import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { evaluate } from '../../client/tracks/syscall/offline/evaluation.ts';
import { powerMean } from '../../client/tracks/syscall/scoring/trace-score.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import type { Report } from '../harness/report.ts';
import { averaged } from './federation.ts';
import { auc, percent, type World } from './world.ts';

/** The network that the default is not. */
export async function languageModel(world: World, report: Report): Promise<void> {
  const classes = new WorkloadClasses(new Set(world.training.flat().map(({ service }) => service)));
  const detector = syscallDetector('lstm-lm', classes);
  const pooled = detector.train(detector.init(1), world.training.flat(), { seed: 1, steps: 1_500 });
  const algebra = fastAlgebra();
  const setting = { detector, clusters: world.training, rounds: 6, training: { steps: 60 } };
  const federated = await averaged(setting, algebra);
  await algebra.close();
  const score = (weights: Float32Array) => {
    const open = detector.open(weights);
    const scores = open.surprisal(world.unseen).map((surprisal) => powerMean(surprisal, 2));
    open.close();
    return evaluate(world.unseen.map((trace, i) => ({ trace, score: scores[i] as number }))).overall;
  };
  report.text(
    `## Why the default is not a neural network

The next-call LSTM, trained on all traces at one place for 1,500 steps, and federated over the same clusters: six rounds of 60 steps, plain mean. Networks that start from the same weights and learn different services drift apart, and their mean knows none of them; counts have no such trouble.`,
  );
  report.table(
    ['detector', 'AUC', 'found at 5 %', 'found at 1 %'],
    (
      [
        ['LSTM language model, pooled', score(pooled.weights)],
        ['LSTM language model, federated, 6 rounds', score(federated)],
      ] as const
    ).map(([name, quality]) => {
      report.record({ case: name, ...quality });
      return [name, auc(quality.auc), percent(quality.foundAt5), percent(quality.foundAt1)];
    }),
  );
}
