/**
 * The main job on data that are no system calls: rows of features. A federation in this process, by the same deltas,
 * attacks and rule as between processes, judged on rows whose contents nobody learnt.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { seededRandom, shuffled } from '../../base/random.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import type { FeatureRow } from '../../client/tracks/feature-rows/feature-row.ts';
import { FeatureRowsJudge } from '../../client/tracks/feature-rows/feature-rows-judge.ts';
import { type LabelledRow, readRowFile, rowsText } from '../../client/tracks/feature-rows/offline/labelled-rows.ts';
import { saveRowModel } from '../../client/tracks/feature-rows/offline/row-model.ts';
import { startOf } from '../../client/tracks/feature-rows/offline/row-model-start.ts';
import { valuesOf } from '../../client/tracks/feature-rows/row-columns.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { featureColumns, featureScale, trainFeatures } from '../../client/tracks/neural/features/autoencoder.ts';
import { scaled } from '../../client/tracks/neural/features/robust-scale.ts';
import { defaultPartition, partitionTraces } from '../../lab/data/partition.ts';
import { remembering } from '../../lab/federation/sending.ts';
import { plainAveraging, simulateRounds } from '../comparison/simulation.ts';
import { mean } from '../judging.ts';
import type { DemoOptions } from '../options.ts';
import { policyOf } from '../rule.ts';
import type { Screen } from '../screen.ts';
import { type OtherReport, tellOther } from './other-report.ts';

const stepsEach = 60;
const learntShare = 0.6;
/** Rows of no cluster that stand for a public capture: columns and scale of all clusters are theirs. */
const sampleMax = 500;
/** More rows than these make the job longer, and nothing clearer. */
const learntMax = 30_000;
const rowsMin = 40;

export async function rowsJob(options: DemoOptions, screen: Screen): Promise<Result<OtherReport>> {
  const startedAt = performance.now();
  const file = await readRowFile(options.data);
  if (!file.ok) return file;
  const random = seededRandom(options.seed);
  const { sample, learnt, unseen } = split(file.value.rows, random);
  const hostileRows = unseen.filter(({ label }) => label !== '');
  if (learnt.length < rowsMin || hostileRows.length === 0 || hostileRows.length === unseen.length) {
    const seen = `${learnt.length} normal rows to learn from, ${unseen.length - hostileRows.length} unseen normal and ${hostileRows.length} hostile ones`;
    return refuse(
      'DATA_TOO_SMALL',
      `${options.data}: ${rowsText(file.value)}; that leaves ${seen}; at least ${rowsMin}, 1 and 1 are needed`,
    );
  }
  const placed = learnt.map((row) => ({ cluster: undefined, service: row.group, row }));
  const clusters = partitionTraces(placed, options.partition ?? defaultPartition(placed), options.clusters, random);
  if (!clusters.ok) return clusters;
  const policy = policyOf(options.rule, options.clusters, options.hostile);
  if (!policy.ok) return policy;
  const hostile = shuffled([...clusters.value.keys()], random).slice(0, options.hostile);
  const honest = [...clusters.value.keys()].filter((name) => !hostile.includes(name));
  screen.line(
    `${options.data} holds rows of features (${rowsText(file.value)}): ${clusters.value.size} clusters in this process learn the normal ones`,
  );

  const start = startOf(sample);
  const columns = featureColumns(start.spec);
  const rowsOf = (name: string) => (clusters.value.get(name) ?? []).map(({ row }) => row);
  const readyOf = (rows: readonly FeatureRow[]) => {
    const values = valuesOf(rows, columns);
    return scaled(featureScale(start.spec, values), values);
  };
  const train = (base: Float32Array, ready: Float32Array, steps: number, seed: number) =>
    trainFeatures(start.spec, base, ready, { seed, steps }).weights;
  const ready = new Map([...clusters.value.keys()].map((name) => [name, readyOf(rowsOf(name))]));
  const workers = new Map(
    [...ready].map(([name, rows]) => [
      name,
      remembering((base, round) => deltaOf(train(base, rows, stepsEach, options.seed + round), base)),
    ]),
  );
  const initial = start.init(options.seed);
  const simulation = { initial, workers, rounds: options.rounds, seed: options.seed };
  const aucOf = (weightsOf: (name: string) => Float32Array) =>
    mean(
      honest.map((name) => {
        const scores = new FeatureRowsJudge(start.spec, weightsOf(name), rowsOf(name)).scores(
          unseen.map(({ row }) => row),
        );
        const of = (isHostile: boolean) => [...scores].filter((_, at) => (unseen[at]?.label !== '') === isHostile);
        return areaUnderRoc(of(false), of(true));
      }),
    );
  screen.status('rounds under attack, by the robust rule and by plain averaging');
  const robust = await simulateRounds({ ...simulation, policy: policy.value, hostile });
  const plain = await simulateRounds({ ...simulation, policy: plainAveraging, hostile });
  const peace = await simulateRounds({ ...simulation, policy: policy.value, hostile: [] });
  screen.status('what each cluster learns alone, and all of them in one place');
  const steps = stepsEach * options.rounds;
  const alone = new Map(
    honest.map((name) => [name, train(initial, ready.get(name) as Float32Array, steps, options.seed)]),
  );
  const pooled = train(initial, readyOf([...clusters.value.keys()].flatMap(rowsOf)), steps, options.seed);
  const report: OtherReport = {
    kind: 'rows',
    data: options.data,
    clusters: [...clusters.value].map(([cluster, own]) => ({
      cluster,
      learnt: own.length,
      hostile: hostile.includes(cluster),
    })),
    unseen: { normal: unseen.length - hostileRows.length, hostile: hostileRows.length },
    auc: {
      localOnly: aucOf((name) => alone.get(name) as Float32Array),
      fedAvgUnderAttack: aucOf(() => plain),
      robustUnderAttack: aucOf(() => robust),
      robustNoAttack: aucOf(() => peace),
      pooled: aucOf(() => pooled),
    },
    baselines: {},
    seconds: (performance.now() - startedAt) / 1e3,
  };
  const folder = join(options.out, 'model');
  makeFolder(options.out);
  await saveRowModel(folder, { spec: start.spec, weights: robust, normal: honest.flatMap(rowsOf) });
  await writeFile(join(options.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  tellOther(report, folder, screen);
  return ok(report);
}

/** By content: the same row is in one part only, and unseen ones count once. */
function split(rows: readonly LabelledRow[], random: () => number) {
  const contents = new Map<string, LabelledRow>();
  for (const one of rows) {
    const key = `${one.label === ''}${JSON.stringify(one.row.fields)}`;
    if (!contents.has(key)) contents.set(key, one);
  }
  const all = [...contents.values()];
  const normal = shuffled(
    all.filter(({ label }) => label === '').map(({ row }) => row),
    random,
  );
  const sampled = Math.min(sampleMax, Math.floor(normal.length / 10));
  const cut = sampled + Math.ceil(learntShare * (normal.length - sampled));
  return {
    sample: normal.slice(0, sampled),
    learnt: normal.slice(sampled, Math.min(cut, sampled + learntMax)),
    unseen: [...normal.slice(cut).map((row) => ({ row, label: '' })), ...all.filter(({ label }) => label !== '')],
  };
}
