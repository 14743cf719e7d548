import type { Trace } from '../../client/events/trace.ts';
import { type RatesSeen, withRates } from '../../client/scoring/rates-seen.ts';
import { scoresByGroup, unlearntScores } from '../../client/scoring/thresholds/first-scores.ts';
import { GroupThresholds } from '../../client/scoring/thresholds/group-thresholds.ts';
import { defaultWindowMax, shortWarmUp } from '../../client/scoring/thresholds/threshold.ts';
import type { PlaceScorer } from '../../client/tracks/place-scores.ts';
import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { defaultAlertRate } from '../../client/tracks/track-kind.ts';
import { type LearnState, stateLearner } from '../detection/state-learner.ts';
import type { World } from '../detection/world.ts';

type Thresholds = ReadonlyMap<string, GroupThresholds>;

/** By cluster, what is usual in each of its workloads, as its client's buffer would say. */
export async function thresholdsOf(
  world: World,
  weights: Float32Array,
  learnState: LearnState = stateLearner(world.detector),
): Promise<Thresholds> {
  const found = new Map<string, GroupThresholds>();
  for (const [at, cluster] of world.names.entries()) {
    found.set(
      cluster,
      await ofCluster(world.training[at] ?? [], (some) => {
        const clusters = new Map([[cluster, learnState(weights, some)]]);
        return new SyscallScorer({ detector: world.detector, weights, clusters });
      }),
    );
  }
  return found;
}

/** Scores with what rates add, in the order of the traces; as they are where a workload has no threshold. */
export function scoresWithRates(
  traces: readonly Trace[],
  alone: ArrayLike<number>,
  thresholds: Thresholds,
  seen: ReadonlyMap<Trace, RatesSeen>,
): number[] {
  return traces.map((trace, at) => {
    const own = thresholds.get(trace.cluster ?? '')?.find(trace.service);
    return own === undefined ? (alone[at] as number) : withRates(own, alone[at] as number, seen.get(trace));
  });
}

async function ofCluster(
  normal: readonly Trace[],
  opened: (own: readonly Trace[]) => SyscallScorer,
): Promise<GroupThresholds> {
  const open = async (some: readonly Trace[]): Promise<PlaceScorer<Trace>> => {
    const scorer = opened(some);
    return {
      score: (traces) => traces.map((one) => ({ groups: [one.service], scores: scorer.score([one]) })),
      close: () => scorer.close(),
    };
  };
  const scorer = await open(normal);
  const scores = new Map([...(await scoresByGroup(scorer, normal)), ...(await unlearntScores(open, normal))]);
  scorer.close();
  const rule = { kind: 'quantile', alertRate: defaultAlertRate } as const;
  return new GroupThresholds(scores, { rule, warmUp: shortWarmUp, windowMax: defaultWindowMax });
}
