import { runsText } from './explain-runs.ts';
import { setText } from './explain-set.ts';
import type { SyscallScorer } from './scoring.ts';

/** That a trace was judged as another workload's, for people; nothing where it was not. */
export function judgedText(service: string, judged: string): readonly string[] {
  return judged === service ? [] : [`judged as ${judged}, since the model does not know ${service}`];
}

/** What a model says of a trace beside its calls one by one: of their set, and of runs that are new; for people a sentence each. */
export function explainViews(scorer: SyscallScorer, trace: Parameters<SyscallScorer['explainSet']>[0]) {
  const [set, runs] = [scorer.explainSet(trace), scorer.explainRuns(trace)];
  const texts = [set && setText(set), runs && runsText(runs)].filter((text) => text !== undefined);
  return { detail: { ...(set && { set }), ...(runs && { runs }) }, texts };
}
