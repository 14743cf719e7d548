import type { AntibodyTale } from './antibody-tale.ts';
import type { AucByTraining } from './auc-rows.ts';
import type { DemoRound } from './demo-round.ts';
import type { FlowReport } from './flow-report.ts';

/** What one run of the main job found; written to out/report.json as it is. AUC values lie between 0 and 1. */
export type DemoReport = Readonly<{
  /** Wall-clock seconds from the command to the report. */
  seconds: number;
  /** What was run, enough to run it again. */
  settings: Readonly<{
    data: string;
    partition: string;
    clusters: number;
    hostile: number;
    rounds: number;
    rule: string;
    detector: string;
    seed: number;
    f: number;
  }>;
  /** Each cluster with its services and how many traces it learns from. */
  clusters: readonly Readonly<{ cluster: string; services: readonly string[]; traces: number; hostile: boolean }>[];
  rounds: readonly DemoRound[];
  hostile: readonly string[];
  auc: AucByTraining;
  /** Share of attack traces found with 5 % and with 1 % of normal traces above the threshold, robust under attack. */
  detection: Readonly<{ at5: number; at1: number }>;
  /** Gain in AUC from learning together, on services that a cluster never saw: mean over honest clusters. */
  herdGain: number;
  herd: readonly HerdRow[];
  /** Clusters that took no part: how the global model does on them before they joined. Empty when there are none. */
  newcomers: readonly Readonly<{ cluster: string; auc: number }>[];
  /** What became of the last round's model: shadow run and gate, a forgery, a rollback. Empty when it was left out. */
  releases: readonly ReleaseStep[];
  /** What one cluster confirmed and another found by it. Absent where no two canaries see the same attack. */
  antibodies?: AntibodyTale;
  /** Who talks to whom: the second track. Absent where it was left out. */
  flow?: FlowReport;
  /** Seconds per phase, in order. */
  phases: readonly Readonly<{ phase: string; seconds: number }>[];
}>;

/** One honest cluster: what it knew alone and what it knows with the herd. */
export type HerdRow = Readonly<{
  cluster: string;
  /** Attack traces on services that it never ran, against their normal traces. */
  neverSeen: Readonly<{ traces: number; alone: number; together: number }>;
  /** Its own services. */
  own: Readonly<{ traces: number; alone: number; together: number }>;
}>;

/** One chapter of the release story. */
export type ReleaseStep = Readonly<{
  step: 'gate' | 'forgery' | 'rollback';
  text: string;
  seconds: number;
  /** What every cluster ran at its end, by its agent's signed report. */
  versions: readonly ClusterVersion[];
}>;

export type ClusterVersion = Readonly<{ cluster: string; version: number }>;
