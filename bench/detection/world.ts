import type { Trace } from '../../client/events/trace.ts';
import type { Detector } from '../../client/tracks/detector.ts';
import { defaultSyscallDetector, type SyscallDetectorName } from '../../client/tracks/syscall/detector-names.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { type Evaluation, evaluate } from '../../client/tracks/syscall/offline/evaluation.ts';
import { type ClusterState, learnClusterState, SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';

/** The recorded clusters, what they learnt, and how they judge. */
export type World = Readonly<{
  detector: Detector;
  names: readonly string[];
  /** Each cluster's normal traces to learn from, and its local weights. */
  training: readonly (readonly Trace[])[];
  locals: readonly Float32Array[];
  /** All that is not learnt from. */
  unseen: readonly Trace[];
}>;

export async function recordedWorld(
  only?: readonly string[],
  name: SyscallDetectorName = defaultSyscallDetector,
): Promise<World> {
  const traces = await recordedTraces();
  const names = only ?? [...new Set(traces.map(({ cluster }) => cluster ?? ''))].sort();
  const known = traces.filter(({ cluster }) => names.includes(cluster ?? ''));
  const detector = syscallDetector(name, new WorkloadClasses(new Set(known.map(({ service }) => service))));
  const training = names.map((name) => known.filter((trace) => trace.split === 'train' && trace.cluster === name));
  const locals = training.map((own) => detector.train(detector.init(1), own, { seed: 1, steps: 0 }).weights);
  return { detector, names, training, locals, unseen: known.filter(({ split }) => split !== 'train') };
}

export function statesOf(
  { detector, names, training }: World,
  weights: Float32Array,
  callWeights: 'none' | 'tfidf' = 'none',
): Map<string, ClusterState> {
  return new Map(
    names.map((name, index) => [name, learnClusterState(detector, weights, training[index] ?? [], callWeights)]),
  );
}

export function scoresOf(
  world: World,
  weights: Float32Array,
  clusters: ReadonlyMap<string, ClusterState> = new Map(),
  traces: readonly Trace[] = world.unseen,
): Float64Array {
  const scorer = new SyscallScorer({ detector: world.detector, weights, clusters });
  const scores = scorer.score(traces);
  scorer.close();
  return scores;
}

export function judged(traces: readonly Trace[], scores: ArrayLike<number>): Evaluation {
  return evaluate(traces.map((trace, i) => ({ trace, score: scores[i] as number })));
}

export function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const [first] = vectors as [Float32Array];
  return first.map((_, at) => vectors.reduce((sum, vector) => sum + (vector[at] as number), 0) / vectors.length);
}

export function auc(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(4);
}

export function percent(share: number): string {
  return Number.isNaN(share) ? '–' : `${(share * 100).toFixed(1)} %`;
}
