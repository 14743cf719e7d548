import { isBenign, type Trace } from '../../client/events/trace.ts';
import { openDetector } from '../../client/tracks/syscall/architectures.ts';
import { defaultSyscallDetector } from '../../client/tracks/syscall/detector-names.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { TraceJudge } from '../../client/tracks/syscall/scoring/trace-judge.ts';
import { traceAntigens } from '../../client/tracks/syscall/traces/antigens.ts';
import type { Example } from '../../client/tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import type { TrackScorer } from '../../client/tracks/track-kind.ts';
import { meanOf } from '../detection/world.ts';

/** One cluster: what is normal in it, and what it sees later. */
export type Cluster = Readonly<{
  name: string;
  normal: readonly Example[];
  /** Benign and hostile, none of it learnt from. */
  unseen: readonly Trace[];
  /** The federated model as this cluster runs it, on all of its normal examples and on half of them. */
  open(normal: readonly Example[]): Promise<TrackScorer<Example>>;
}>;

export type Herd = Readonly<{
  clusters: readonly Cluster[];
  /** Antigens of every trace, made once. */
  antigensOf(calls: Uint16Array): Uint32Array;
  /** What was recorded together: confirmed traces and judged ones never come from the same. */
  occasionOf(trace: Trace): string;
  families: readonly string[];
}>;

/** Clusters that run the plain mean of the default detector's weights, each with its own memory. */
export async function herdOf(traces: readonly Trace[], occasionOf: (trace: Trace) => string): Promise<Herd> {
  const learnt = traces.filter(({ split }) => split === 'train');
  const detector = syscallDetector(
    defaultSyscallDetector,
    new WorkloadClasses(new Set(learnt.map(({ service }) => service))),
  );
  const names = [...new Set(learnt.map(({ cluster }) => cluster ?? ''))].sort();
  const locals = names.map((name) => {
    const own = learnt.filter(({ cluster }) => cluster === name);
    return detector.train(detector.init(1), own, { seed: 1, steps: 0 }).weights;
  });
  const weights = meanOf(locals);
  const judging = await openDetector(detector.spec);
  const known = new Map<Uint16Array, Uint32Array>();
  const antigensOf = (calls: Uint16Array) => {
    const found = known.get(calls) ?? traceAntigens(calls);
    known.set(calls, found);
    return found;
  };
  const clusters = names.map((name): Cluster => {
    const normal = learnt.filter(({ cluster }) => cluster === name).map(exampleOf);
    const opened = new Map<number, TrackScorer<Example>>();
    return {
      name,
      normal,
      unseen: traces.filter(({ split, cluster }) => split !== 'train' && cluster === name),
      // Opened once for each size; whoever closes it leaves it open for the next.
      async open(some) {
        const scorer = opened.get(some.length) ?? TraceJudge.open(judging, weights, some);
        opened.set(some.length, scorer);
        return { score: (all) => scorer.score(all), explain: (one, place) => scorer.explain(one, place), close() {} };
      },
    };
  });
  const hostile = traces.filter((trace) => !isBenign(trace));
  return { clusters, antigensOf, occasionOf, families: [...new Set(hostile.map(({ family }) => family))].sort() };
}

export function exampleOf({ service, calls }: Trace): Example {
  return { workload: service, calls };
}
