import { seededRandom } from '../../base/random.ts';
import { contentKey, isBenign, type Trace } from '../../client/events/trace.ts';
import type { Quality } from '../../client/tracks/quality.ts';
import type { SyscallDetectorName } from '../../client/tracks/syscall/detector-names.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { type Evaluation, evaluate, withoutDuplicates } from '../../client/tracks/syscall/offline/evaluation.ts';
import { learnClusterState, SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { partitionTraces } from '../../lab/data/partition.ts';
import { partOf, readAll } from '../../lab/data/recorded-traces.ts';
import { publicData } from '../harness/public-data.ts';
import { stideScores } from './floors.ts';
import { distinctFew } from './newcomers.ts';
import { judged } from './world.ts';

export type PublicSetName = 'FHIDS' | 'ADFA-LD';
export type Split = Readonly<{ learnt: readonly Trace[]; unseen: readonly Trace[] }>;

/**
 * A set that may not be shipped; undefined where it is not at hand. FHIDS: 70 of 100 normal contents are learnt, in turn `turn` of ten
 * others; contents under both labels are left out. ADFA-LD comes split.
 */
export async function publicSplit(set: PublicSetName, turn = 0): Promise<Split | undefined> {
  const path = publicData('syscalls', set === 'FHIDS' ? 'fhids.tsv.gz' : 'adfa_ld.tsv.gz');
  if (path === undefined) return undefined;
  const traces = await readAll(path, set === 'FHIDS' ? undefined : 'i386');
  if (set === 'ADFA-LD') return divided(traces, ({ split }) => split === 'train');
  const contents = (hostile: boolean) =>
    new Set(traces.filter((t) => isBenign(t) !== hostile).map(({ calls }) => contentKey(calls)));
  const [benign, hostile] = [contents(false), contents(true)];
  const clear = traces.filter(({ calls }) => !(benign.has(contentKey(calls)) && hostile.has(contentKey(calls))));
  return divided(clear, (trace) => isBenign(trace) && (partOf(trace.calls) + turn) % 10 < 7);
}

function divided(traces: readonly Trace[], isLearnt: (trace: Trace) => boolean): Split {
  return { learnt: traces.filter(isLearnt), unseen: traces.filter((trace) => !isLearnt(trace)) };
}

/** Plain STIDE, all data in one place and of one kind. */
export function publicFloor({ learnt, unseen }: Split): Evaluation {
  return judged(
    unseen,
    stideScores(learnt, unseen, () => 'all'),
  );
}

export type PublicFederation = Readonly<{
  /** What each of ten clusters learnt. */
  locals: readonly Float32Array[];
  /** What one place learns of all. */
  pooled(): Float32Array;
  quality(weights: Float32Array): Readonly<{ all: Quality; distinct: Quality }>;
}>;

/** Ten clusters by Dirichlet(0.5), judged by the federated model alone: the sets name no cluster to remember anything. */
export function publicFederation({ learnt, unseen }: Split, name: SyscallDetectorName): PublicFederation {
  const detector = syscallDetector(name, new WorkloadClasses(new Set(learnt.map(({ service }) => service))));
  const dealt = partitionTraces(learnt, { kind: 'dirichlet', alpha: 0.5 }, 10, seededRandom(1));
  if (!dealt.ok) throw new Error(dealt.fault.message);
  const clusters = [...dealt.value.values()];
  const trained = (own: readonly Trace[]) => detector.train(detector.init(1), own, { seed: 1, steps: 0 }).weights;
  // What is usual for a class is all that comes of clusters here: a few traces of each say it.
  const sampled = clusters.map((own) => [...Map.groupBy(own, ({ service }) => service).values()].flatMap(distinctFew));
  return {
    locals: clusters.map(trained),
    pooled: () => trained(learnt),
    quality(weights) {
      const states = sampled.map((own, at) => [`c${at}`, learnClusterState(detector, weights, own)] as const);
      const scorer = new SyscallScorer({ detector, weights, clusters: new Map(states) });
      const scores = scorer.score(unseen.map((trace) => ({ ...trace, cluster: undefined })));
      scorer.close();
      const scored = unseen.map((trace, at) => ({ trace, score: scores[at] as number }));
      return { all: evaluate(scored).overall, distinct: evaluate(withoutDuplicates(scored)).overall };
    },
  };
}
