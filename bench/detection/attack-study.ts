import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import { LocalMemory } from '../../client/tracks/syscall/memory/local-memory.ts';
import { memoryViewsOf } from '../../client/tracks/syscall/memory/memory-views.ts';
import { type ClusterState, calibrateCluster, classesOf } from '../../client/tracks/syscall/scoring/scoring.ts';
import { plainMean } from '../../lab/federation/plain-mean.ts';
import type { Report } from '../harness/report.ts';
import { aggregated } from './federation.ts';
import { aucOf } from './floors.ts';
import { auc, scoresOf, type World } from './world.ts';

/** Every attack on the federation, under the default rule, another and the plain mean. */
export async function attacked(world: World, report: Report): Promise<void> {
  const ten: World = {
    ...world,
    names: world.names.slice(0, 10),
    training: world.training.slice(0, 10),
    locals: world.locals.slice(0, 10),
  };
  const algebra = fastAlgebra();
  const memories = ten.training.map((own) =>
    LocalMemory.learn(memoryViewsOf(ten.detector.spec), classesOf(ten.detector.spec), own),
  );
  const recalibrated = (weights: Float32Array): Map<string, ClusterState> =>
    new Map(
      memories.map((memory, index) => {
        const own = ten.training[index] ?? [];
        return [
          ten.names[index] as string,
          { memory, calibrations: calibrateCluster(ten.detector, weights, memory, own) },
        ];
      }),
    );
  report.text(
    `## Attacked

Ten clusters, three rounds, the first 20 % and 30 % of them hostile under each attack of \`aggregation/attacks\`; hostile clusters contribute nothing honest. "Weights alone" is the federated table by itself; "deployed" is what an honest cluster runs: the table with its local memory. The plain mean under the same attack stands beside it. All AUCs are on unseen traces of the honest clusters. A round is refused where so many updates are no numbers or too long that the rest is fewer than the rule needs; the plain mean has the same admission, which is why it survives those.`,
  );
  for (const f of [2, 3]) {
    const judges = ten.unseen.filter(({ cluster }) => ten.names.indexOf(cluster ?? '') >= f);
    const trimmed: AggregationPolicy = { ...defaultPolicy(f), rule: { kind: 'trimmedMean' } };
    const policies = { 'mixing + Multi-Krum': defaultPolicy(f), 'mixing + trimmed mean': trimmed };
    const alone = (weights: Float32Array) => aucOf(judges, scoresOf(ten, weights, new Map(), judges));
    const deployed = (weights: Float32Array) => aucOf(judges, scoresOf(ten, weights, recalibrated(weights), judges));
    const rows: string[][] = [];
    for (const attack of [undefined, ...(Object.keys(attacks) as AttackName[])]) {
      const row = [attack ?? 'none'];
      const hostility = attack === undefined ? undefined : { attack, f };
      for (const [name, policy] of Object.entries(policies)) {
        const weights = await aggregated(ten.locals, policy, algebra, 3, hostility);
        if (weights === undefined) {
          report.record({ case: `attacked f=${f} ${name} ${attack ?? 'none'}`, abandoned: true });
          row.push('round refused', ...(name === deployedPolicy ? ['last release stays'] : []));
          continue;
        }
        const result = { alone: alone(weights), ...(name === deployedPolicy && { deployed: deployed(weights) }) };
        report.record({ case: `attacked f=${f} ${name} ${attack ?? 'none'}`, ...result });
        row.push(...Object.values(result).map(auc));
      }
      const averaged = await aggregated(ten.locals, plainMean, algebra, 3, hostility);
      row.push(averaged === undefined ? 'round refused' : auc(alone(averaged)));
      rows.push(row);
    }
    report.text(`### ${f} of 10 hostile`);
    report.table(
      [
        'attack',
        ...Object.keys(policies).flatMap((name) => [
          `${name}, weights alone`,
          ...(name === deployedPolicy ? [`${name}, deployed`] : []),
        ]),
        'plain mean, weights alone',
      ],
      rows,
    );
  }
  await algebra.close();
}

const deployedPolicy = 'mixing + Multi-Krum';
