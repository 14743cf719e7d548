import { seededNumbers, shuffled } from '../../base/random.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { classTableSpec, openClassTable, trainClassTable } from '../../client/tracks/syscall/gram-table/class-table.ts';
import { rawTraceScore } from '../../client/tracks/syscall/scoring/trace-score.ts';
import type { Example } from '../../client/tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { openSampleLoss } from '../../client/tracks/syscall/trusted/sample-loss.ts';
import type { SampleContent, SampleLoss } from '../../client/tracks/track-kind.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';

/** A cluster of the tables' study: half of a recorded one. */
export type TableCluster = Readonly<{
  name: string;
  classes: readonly string[];
  table: Float32Array;
  normal: readonly Trace[];
}>;

/** Recorded traces as a federation that counts by class. `judged`: what nobody learnt from and no sample holds. */
export type TableWorld = Readonly<{
  spec: ModelSpec;
  names: readonly string[];
  clusters: readonly TableCluster[];
  judged: readonly Trace[];
  /** Attack traces by family that neither sample nor judge has: what liars whitelist. */
  poison: ReadonlyMap<string, readonly Trace[]>;
  /** The trusted sample without (or with) the attacks of that family, and what tables lose on it. */
  contentWithout(family: string | undefined): SampleContent<Example>;
  sampleWithout(family: string | undefined): Promise<SampleLoss>;
}>;

const sampledPerClass = 10;

/** Every recorded cluster cut in two, in an order that the seed gives, `n` of the 22. */
export async function tableWorld(n: number, seed: string): Promise<TableWorld> {
  const traces = await recordedTraces();
  const names = [...new Set(traces.map(({ service }) => service))].sort();
  const spec = classTableSpec(new WorkloadClasses(new Set(names)));
  const random = seededNumbers(`tables ${seed}`);
  const normal = shuffled(traces.filter(({ split, family }) => split === 'train' && family === 'normal'), random); // biome-ignore format: one line
  const attacks = shuffled(traces.filter((trace) => !isBenign(trace)), random); // biome-ignore format: one line
  const sampled = names.flatMap((name) => normal.filter(({ service }) => service === name).slice(0, sampledPerClass));
  const shown = names.flatMap((name) => attacks.filter(({ service }) => service === name).slice(0, sampledPerClass));
  const rest = attacks.filter((trace) => !shown.includes(trace));
  const families = [...new Set(rest.map(({ family }) => family))].sort();
  const poison = new Map(families.map((family) => [family, everyThird(rest, family, 0)]));
  const judged = [
    ...traces
      .filter(({ split, family }) => split === 'validation' && family === 'normal')
      .filter((_, at) => at % 3 === 0),
    ...families.flatMap((family) => [...everyThird(rest, family, 1), ...everyThird(rest, family, 2)]),
  ];
  const halves = [...new Set(traces.map(({ cluster }) => cluster ?? ''))]
    .sort()
    .flatMap((cluster) => [0, 1].map((half) => ({ cluster, half })));
  const clusters = shuffled(halves, random)
    .slice(0, n)
    .map(({ cluster, half }): TableCluster => {
      const own = normal.filter(
        (trace, at) => trace.cluster === cluster && at % 2 === half && !sampled.includes(trace),
      );
      const { weights, classes } = trainClassTable(spec, own);
      return { name: `${cluster}.${half}`, classes, table: weights, normal: own };
    });
  const contentWithout = (family: string | undefined) => {
    const example = ({ service, calls }: Trace) => ({ workload: service, calls });
    const bad = shown.filter((trace) => trace.family !== family);
    const count = (some: readonly Trace[], name: string) => some.filter(({ service }) => service === name).length;
    return {
      normal: sampled.map(example),
      attacks: bad.map(example),
      classes: names.map((name) => ({ name, normalCount: count(sampled, name), attackCount: count(bad, name) })),
    };
  };
  return {
    ...{ spec, names, clusters, judged, poison, contentWithout },
    async sampleWithout(family) {
      const base = new Float32Array(clusters[0]?.table.length ?? 0);
      const loss = await openSampleLoss(spec, contentWithout(family), base);
      if (loss === undefined) throw new TypeError('a table by class has a loss on a sample');
      return loss;
    },
  };
}

/** Scores of the judged traces by the table alone: without a cluster's memory, which would hide much of the damage. */
export function scoresBy({ spec, judged }: TableWorld, weights: Float32Array): number[] {
  const opened = openClassTable(spec, weights);
  return opened.surprisal(judged).map((surprisal) => rawTraceScore({ surprisal }, undefined));
}

function everyThird(traces: readonly Trace[], family: string, offset: number): Trace[] {
  return traces.filter((trace) => trace.family === family).filter((_, at) => at % 3 === offset);
}
