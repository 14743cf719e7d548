import { fastAlgebra } from '../../aggregation/algebra/fast-algebra.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { defaultPolicy } from '../../aggregation/policy.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import type { ApiExample } from '../../client/tracks/api/example.ts';
import { evidenceSpec, trainEvidence } from '../../client/tracks/api/memory/evidence-table.ts';
import { federate } from '../../lab/federation/federate.ts';
import { asLearnt, underAttack } from '../../lab/federation/sending.ts';
import type { Report } from '../harness/report.ts';
import { area, quality } from './recorded-study.ts';
import { type Cluster, ours, reported, scoreCluster } from './world.ts';

const slots = 2 ** 16;
const rounds = 2;

/** Every attack on the federation under the default rule: ten clients, each cluster's sources dealt to two. */
export async function attackStudy(clusters: readonly Cluster[], report: Report): Promise<void> {
  const spec = evidenceSpec(slots);
  const halves = clusters.flatMap(({ normal }) => [0, 1].map((half) => normal.filter(halfOf(half))));
  const workers = halves.map((own) => {
    const local = trainEvidence(spec, own);
    return (base: Float32Array) => deltaOf(local, base);
  });
  const judged = clusters.filter(({ name }) => reported.includes(name));
  const algebra = fastAlgebra();
  const judge = (weights: Float32Array) =>
    quality(
      judged.flatMap((cluster) => scoreCluster(cluster, spec, weights)),
      ours,
    );
  try {
    const honest = new Map<number, number>();
    const rows: string[][] = [];
    for (const attack of [undefined, ...(Object.keys(attacks) as AttackName[])]) {
      const row = [attack ?? 'nobody hostile'];
      for (const f of [2, 3]) {
        const sending = attack === undefined ? asLearnt(workers) : underAttack(workers, { attack, f });
        const initial = new Float32Array(slots);
        const policy = defaultPolicy(f);
        const { weights, refusals } = await federate({ initial, rounds, sending, policy, algebra, seedOf: String });
        const found = judge(weights);
        if (attack === undefined) honest.set(f, found.auc);
        const change = found.auc - (honest.get(f) as number);
        report.record({ case: `attacked f=${f} ${attack ?? 'none'}`, ...found, change, refused: refusals.length });
        row.push(area(found.auc), attack === undefined ? '–' : change.toFixed(4));
      }
      rows.push(row);
    }
    report.text(
      `## Attacked

The five clusters' sources are dealt to two clients each: ten clients, ${rounds} rounds of the default rule (mixing and Multi-Krum), two or three of them hostile under each attack of \`aggregation/attacks\`. What is judged is what an honest cluster runs, the aggregated table with its local memory, on ${reported.join(', ')}. A table of ${slots.toLocaleString('en-US')} slots.`,
    );
    report.table(['attack', '2 of 10 hostile', 'change', '3 of 10 hostile', 'change'], rows);
  } finally {
    await algebra.close();
  }
}

function halfOf(half: number): (example: ApiExample) => boolean {
  return ({ network, source }) => (network || source) % 2 === half;
}
