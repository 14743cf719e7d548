/**
 * What a kind asks of the client around it when it judges a file with the rates of workloads: the same thresholds and the same
 * counts that judge what happens. `client/scoring/offline/` is what answers.
 */
import type { ObservedFlow } from '../events/flow-record.ts';
import type { RateFact, RateQuery, Unusual } from '../events/rate-fact.ts';
import type { PlaceScorer } from './place-scores.ts';

/** intervalMs: how long a "minute" is. One judge for each cluster. */
export type OpenFileJudge = (intervalMs: number) => FileJudge;

export interface FileJudge {
  readonly intervalMs: number;
  /** What is normal here: thresholds start from it as a client's do from its buffer. Before anything is judged. */
  start<Example>(known: Known<Example>): Promise<void>;
  /** Counts a flow when it is over. In the order of their ends; times are those of the file. */
  hear(flow: ObservedFlow): void;
  /** Counts what a place of known normal behaviour adds, which is not judged. */
  count(view: JudgedPlace['view']): void;
  /** Nobody watches from what was heard so far until then: what is usual stays known, as over a restart. */
  resumeAt(atMs: number): void;
  /** In the order of time. The threshold learns the place's own score. */
  judge(place: JudgedPlace): FileVerdict;
}

export type Known<Example> = Readonly<{
  normal: readonly Example[];
  /** What judges. */
  scorer: PlaceScorer<Example>;
  /** The same that has learnt these alone; undefined where it has learnt none of them, so that all are new to it. */
  open: ((normal: readonly Example[]) => Promise<PlaceScorer<Example>>) | undefined;
}>;

export type JudgedPlace = Readonly<{
  /** What has a threshold of its own. */
  group: string;
  score: number;
  /** As the kind's `ratesOf` says. */
  view: Readonly<{ atMs: number; adds: readonly RateFact[]; of: readonly RateQuery[] }>;
  /** When it is judged, by the file's clock. */
  nowMs: number;
}>;

/** Of one place: by its own score, and with what the rates of its workload add. */
export type FileVerdict = Readonly<{
  /** On the scale of scores; the score itself where rates say nothing. */
  lifted: number;
  /** On the way from usual (0) to an alarm (1); undefined while there is no threshold. */
  riskAlone: number | undefined;
  risk: number | undefined;
  alarmAlone: boolean;
  alarm: boolean;
  /** How likely all rates together are; undefined where too little is known yet. */
  rateP: number | undefined;
  /** Rates that are rare by themselves, rarest first. */
  told: readonly ToldRate[];
}>;

export type ToldRate = Unusual & Readonly<{ /** The same for people. */ text: string }>;
