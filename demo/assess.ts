import { aucOf, foundAt, herdRow, type Judgement, type Judges, judgeAsNewcomer, type Models, mean } from './judging.ts';
import type { Prepared } from './prepare.ts';
import type { DemoRound } from './report/demo-round.ts';

/** Every honest cluster's judgement of the unseen traces, with the weights that it has. */
export function judgeAll(
  { clusters, hostile, unseen }: Prepared,
  judges: Judges,
  weightsOf: (cluster: string) => Float32Array,
): Judgement[] {
  const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
  return honest.map((name) => judges.judge(name, weightsOf(name), unseen));
}

/** The part of the report that is about system calls: the same for the same models. */
export function assess(prepared: Prepared, judges: Judges, rounds: readonly DemoRound[], models: Models) {
  const { options, clusters, hostile, unseen, detector, partition } = prepared;
  const aucBy = (judgements: readonly Judgement[]) => mean(judgements.map(({ scores }) => aucOf(unseen, scores)));
  const alone = judgeAll(prepared, judges, (name) => models.local.get(name) as Float32Array);
  const together = judgeAll(prepared, judges, () => models.robustUnderAttack);
  const herd = alone.map(({ cluster, scores }, index) => {
    const services = new Set((clusters.get(cluster) ?? []).map(({ service }) => service));
    return herdRow(cluster, services, unseen, scores, (together[index] as Judgement).scores);
  });
  const neverSeen = herd.map(({ neverSeen: one }) => one.together - one.alone).filter((gain) => Number.isFinite(gain));
  const found = (rate: number) => mean(together.map(({ scores }) => foundAt(unseen, scores, rate)));
  return {
    settings: {
      data: options.data,
      partition: partition.kind === 'dirichlet' ? `dirichlet:${partition.alpha}` : partition.kind,
      clusters: clusters.size,
      hostile: hostile.length,
      rounds: options.rounds,
      rule: options.rule ?? [...prepared.policy.before, prepared.policy.rule].map(({ kind }) => kind).join(' + '),
      detector: prepared.detectorName,
      seed: options.seed,
      f: prepared.policy.f,
    },
    clusters: [...clusters].map(([cluster, traces]) => ({
      cluster,
      services: [...new Set(traces.map(({ service }) => service))].sort(),
      traces: traces.length,
      hostile: hostile.includes(cluster),
    })),
    rounds,
    hostile: [...hostile].sort(),
    auc: {
      localOnly: aucBy(alone),
      fedAvgUnderAttack: aucBy(judgeAll(prepared, judges, () => models.fedAvgUnderAttack)),
      robustUnderAttack: aucBy(together),
      robustNoAttack: aucBy(judgeAll(prepared, judges, () => models.robustNoAttack)),
      pooled: aucBy(judgeAll(prepared, judges, () => models.pooled)),
    },
    detection: { at5: found(0.05), at1: found(0.01) },
    // Where every cluster runs every workload there is nothing that one never saw: then what it gained in all.
    herdGain: neverSeen.length > 0 ? mean(neverSeen) : aucBy(together) - aucBy(alone),
    herd,
    newcomers: [...prepared.newcomers].map(([cluster, traces]) => ({
      cluster,
      auc: aucOf(traces, judgeAsNewcomer(detector, models.robustUnderAttack, traces)),
    })),
  };
}
