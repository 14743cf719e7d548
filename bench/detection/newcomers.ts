import { contentKey, type Trace } from '../../client/events/trace.ts';
import { evaluate } from '../../client/tracks/syscall/offline/evaluation.ts';
import { stateLearner } from './state-learner.ts';
import { meanOf, scoresOf, type World } from './world.ts';

/** Own traces of each service after which a cluster that nobody saw is judged again. */
export const fewTraces = 10;

/**
 * One cluster by the federation of the others, AUC on its own traces: without a past, with a few traces of each service, the same without
 * guesses of passwords, and with all.
 */
export type Newcomer = Readonly<{ name: string; first: number; later: number; laterOthers: number; settled: number }>;

/** Each cluster in turn as one that nobody saw. */
export function newcomers(world: World): Newcomer[] {
  const { names, locals, training, unseen, detector } = world;
  const learnState = stateLearner(detector);
  return names.map((name, left) => {
    const weights = meanOf(locals.filter((_, at) => at !== left));
    const others = names
      .map((cluster, at) => [cluster, training[at] ?? []] as const)
      .filter(([cluster]) => cluster !== name);
    const states = new Map(others.map(([cluster, normal]) => [cluster, learnState(weights, normal)] as const));
    const own = unseen.filter(({ cluster }) => cluster === name);
    const after = (traces: readonly Trace[]) => {
      if (traces.length > 0) states.set(name, learnState(weights, traces));
      const scored = Array.from(scoresOf(world, weights, states, own), (score, at) => ({
        trace: own[at] as Trace,
        score,
      }));
      const allBut = scored.filter(({ trace }) => trace.family !== 'password_guessing');
      return { all: evaluate(scored).overall.auc, others: evaluate(allBut).overall.auc };
    };
    const normal = training[left] ?? [];
    const few = [...Map.groupBy(normal, ({ service }) => service).values()].flatMap(distinctFew);
    const [first, later, settled] = [after([]), after(few), after(normal)];
    return { name, first: first.all, later: later.all, laterOthers: later.others, settled: settled.all };
  });
}

export function meanOver<One>(some: readonly One[], pick: (one: One) => number): number {
  return some.reduce((sum, one) => sum + pick(one), 0) / some.length;
}

/** So many distinct traces, evenly over time. */
export function distinctFew(traces: readonly Trace[]): Trace[] {
  const distinct = [...new Map(traces.map((trace) => [contentKey(trace.calls), trace])).values()];
  const stride = Math.max(1, distinct.length / fewTraces);
  return Array.from(
    { length: Math.min(fewTraces, distinct.length) },
    (_, at) => distinct[Math.floor(at * stride)] as Trace,
  );
}
