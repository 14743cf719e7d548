import { isBenign, type Trace } from '../client/events/trace.ts';
import type { Detector } from '../client/tracks/detector.ts';
import { areaUnderRoc, detectionRateAt } from '../client/tracks/metrics.ts';
import { LocalMemory } from '../client/tracks/syscall/memory/local-memory.ts';
import { memoryViewsOf } from '../client/tracks/syscall/memory/memory-views.ts';
import {
  type ClusterState,
  calibrateCluster,
  classesOf,
  SyscallScorer,
} from '../client/tracks/syscall/scoring/scoring.ts';
import type { Partitioned } from '../lab/data/partition.ts';
import type { HerdRow } from './report/report.ts';

/** What one track's part of the job ends with, weights of shape [d] each: of the federation, of all data in one place, of each cluster alone. */
export type Models = Readonly<{
  fedAvgUnderAttack: Float32Array;
  robustNoAttack: Float32Array;
  robustUnderAttack: Float32Array;
  pooled: Float32Array;
  local: ReadonlyMap<string, Float32Array>;
}>;

/** One cluster as it judges traces: federated weights and what it knows itself. Scores in the order of the traces. */
export type Judgement = Readonly<{ cluster: string; scores: Float64Array }>;

/**
 * Judges unseen traces as clusters do: each with the federated weights, its own memory and its own calibration. What a
 * cluster remembers is learnt once; how that fits new weights is calibrated for each model, as after an installation.
 */
export class Judges {
  readonly #detector: Detector;
  readonly #clusters: Partitioned<Trace>;
  readonly #memories: ReadonlyMap<string, LocalMemory>;

  constructor(detector: Detector, clusters: Partitioned<Trace>) {
    this.#detector = detector;
    this.#clusters = clusters;
    const classes = classesOf(detector.spec);
    const views = memoryViewsOf(detector.spec);
    this.#memories = new Map([...clusters].map(([name, traces]) => [name, LocalMemory.learn(views, classes, traces)]));
  }

  /** A cluster's local part for these weights. */
  stateOf(cluster: string, weights: Float32Array): ClusterState {
    const memory = this.#memories.get(cluster);
    const traces = this.#clusters.get(cluster);
    if (memory === undefined || traces === undefined) throw new RangeError(`no cluster ${cluster} to judge with`);
    return { memory, calibrations: calibrateCluster(this.#detector, weights, memory, traces) };
  }

  /** How one cluster, with these weights installed, judges every trace: its own and those of workloads it never ran. */
  judge(cluster: string, weights: Float32Array, traces: readonly Trace[]): Judgement {
    const clusters = new Map([[cluster, this.stateOf(cluster, weights)]]);
    return {
      cluster,
      scores: scoresOf(
        { detector: this.#detector, weights, clusters },
        traces.map((trace) => ({ ...trace, cluster })),
      ),
    };
  }
}

/** Scores by the weights alone: what a cluster that has just joined gets. */
export function judgeAsNewcomer(detector: Detector, weights: Float32Array, traces: readonly Trace[]): Float64Array {
  return scoresOf({ detector, weights, clusters: new Map() }, traces);
}

function scoresOf(model: ConstructorParameters<typeof SyscallScorer>[0], traces: readonly Trace[]): Float64Array {
  const scorer = new SyscallScorer(model);
  try {
    return scorer.score(traces);
  } finally {
    scorer.close();
  }
}

/** Area under the ROC curve over the traces that `counts` lets through; NaN where one side is empty. */
export function aucOf(
  traces: readonly Trace[],
  scores: Float64Array,
  counts: (trace: Trace) => boolean = () => true,
): number {
  const { benign, hostile } = sides(traces, scores, counts);
  return areaUnderRoc(benign, hostile);
}

/** Share of attack traces above the threshold that this share of the normal ones passes. */
export function foundAt(traces: readonly Trace[], scores: Float64Array, falseAlarms: number): number {
  const { benign, hostile } = sides(traces, scores, () => true);
  return detectionRateAt(benign, hostile, falseAlarms);
}

export function mean(values: readonly number[]): number {
  const finite = values.filter((value) => !Number.isNaN(value));
  return finite.reduce((sum, value) => sum + value, 0) / finite.length;
}

/** What a cluster knew alone and what it knows with the herd, on its own services and on those it never ran. */
export function herdRow(
  cluster: string,
  own: ReadonlySet<string>,
  traces: readonly Trace[],
  alone: Float64Array,
  together: Float64Array,
): HerdRow {
  const row = (counts: (trace: Trace) => boolean) => ({
    traces: traces.filter(counts).length,
    alone: aucOf(traces, alone, counts),
    together: aucOf(traces, together, counts),
  });
  return {
    cluster,
    neverSeen: row(({ service }) => !own.has(service)),
    own: row(({ service }) => own.has(service)),
  };
}

function sides(traces: readonly Trace[], scores: Float64Array, counts: (trace: Trace) => boolean) {
  const benign: number[] = [];
  const hostile: number[] = [];
  for (const [index, trace] of traces.entries()) {
    if (counts(trace)) (isBenign(trace) ? benign : hostile).push(scores[index] as number);
  }
  return { benign, hostile };
}
