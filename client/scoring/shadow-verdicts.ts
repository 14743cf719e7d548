import type { JudgedModel } from './judged-model.ts';
import { judgeWith, type RatesSeen } from './rates-seen.ts';
import type { ModelScores } from './score-protocol.ts';

/** What the live model said of one place. */
export type Verdict = Readonly<{
  place: number;
  /** With what the rates of its workload add to it. */
  score: number;
  threshold: number;
  raised: boolean;
  /** What is unusual of its workload's rates just now. */
  rates: RatesSeen | undefined;
  /** Its own score is below the threshold: without the rates there would be no alarm. */
  byRates: boolean;
}>;

/** What both models said of one batch; a shadow's word counts nowhere else. */
export type ShadowObserver = (seen: ShadowObservation) => void;
export type ShadowObservation = Readonly<{
  live: Readonly<{ version: number; alarms: readonly boolean[]; microseconds: number }>;
  shadow: Readonly<{ version: number; alarms: readonly boolean[]; microseconds: number }>;
}>;

type Live = Readonly<{ version: number; verdicts: readonly Verdict[]; scores: ModelScores }>;

/** The shadow's alarms beside the live model's, of the places where both have a threshold. `beside` learns from them. */
export function comparedWith(shadow: ModelScores, beside: JudgedModel, live: Live): ShadowObservation {
  const shadowAlarms: boolean[] = [];
  const liveAlarms: boolean[] = [];
  let at = 0;
  for (const { groups, scores } of shadow.scores) {
    for (const [place, group] of groups.entries()) {
      const { threshold, raised, rates } = live.verdicts[at++] as Verdict;
      const own = beside.of(group);
      const said = judgeWith(own, scores[place] as number, rates);
      // Who has no threshold yet cannot disagree.
      if (!Number.isFinite(said.threshold) || !Number.isFinite(threshold)) continue;
      shadowAlarms.push(said.alarm);
      liveAlarms.push(raised);
    }
  }
  const share = shadowAlarms.length / Math.max(1, live.verdicts.length);
  return {
    live: { version: live.version, alarms: liveAlarms, microseconds: live.scores.microseconds * share },
    shadow: { version: beside.version, alarms: shadowAlarms, microseconds: shadow.microseconds * share },
  };
}
