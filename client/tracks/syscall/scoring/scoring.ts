/**
 * Scoring of traces with a federation's model and, where a trace's cluster is known, what that cluster knows locally.
 * Higher means less normal; about 0 is as usual for the workload, and scores of different workloads compare.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Trace } from '../../../events/trace.ts';
import type { JudgingDetector, Observed, OpenDetector } from '../../detector.ts';
import { atOnce, type Steps } from '../../steps.ts';
import {
  type Calibration,
  calibrationTracesMin,
  LocalMemory,
  quantileOf,
  type Reading,
} from '../memory/local-memory.ts';
import { memoryViewsOf } from '../memory/memory-views.ts';
import { CallWeights } from '../traces/call-weights.ts';
import { windowStarts } from '../traces/call-windows.ts';
import { unknownClassId, WorkloadClasses } from '../traces/workload-classes.ts';
import { aloneScore, leaning, leant } from './alone-score.ts';
import { calibrationsInSteps } from './calibrations.ts';
import { explainRuns, type RunsExplanation } from './explain-runs.ts';
import { explainSet, type SetExplanation } from './explain-set.ts';
import { freshIn, runsIn } from './new-runs.ts';
import { heard, readingOf, sharedFindings, sharedSurprisal } from './shared-findings.ts';
import { distanceOf, latestReading, mixedSurprisal, powerMean, rawTraceScore, withArguments } from './trace-score.ts';

/** A cluster's local part: it stays in its cluster, beside the federated weights. */
export type ClusterState = Readonly<{
  memory: LocalMemory;
  /** By class id. */
  calibrations: ReadonlyMap<number, Calibration>;
  /** How much each call counts; every one the same unless given. The calibrations were made with them. */
  callWeights?: CallWeights;
  /** Workloads of no class that the model knows of which enough was learnt; none unless given. */
  classless?: ReadonlySet<string>;
}>;

export type SyscallModel = Readonly<{
  detector: JudgingDetector;
  /** The federated weights, flat. */
  weights: Float32Array;
  /** Cluster id to its local part. Empty for the federated model alone. */
  clusters: ReadonlyMap<string, ClusterState>;
}>;

type Scored = Pick<Trace, 'calls' | 'service' | 'cluster' | 'argumentClasses'>;

/** The workload classes that a model of the syscall track was made for. */
export function classesOf(spec: ModelSpec): WorkloadClasses {
  return WorkloadClasses.parse(String(spec.hyperparameters.classes ?? ''));
}

/**
 * A cluster's local part from its own normal traces: memory, and calibration against the federated weights, every trace
 * being judged as if it had not been learnt. Calibrate again when a new release is installed.
 */
export function learnClusterState(
  detector: JudgingDetector,
  weights: Float32Array,
  traces: readonly Observed[],
  callWeighting: 'none' | 'tfidf' = 'none',
): ClusterState {
  return atOnce(clusterStateInSteps(detector, weights, traces, callWeighting));
}

/** As `learnClusterState`, a trace a step. */
export function* clusterStateInSteps(
  detector: JudgingDetector,
  weights: Float32Array,
  traces: readonly Observed[],
  callWeighting: 'none' | 'tfidf' = 'none',
): Steps<ClusterState> {
  const memory = yield* LocalMemory.learnInSteps(memoryViewsOf(detector.spec), classesOf(detector.spec), traces);
  const callWeights = callWeighting === 'none' ? undefined : new CallWeights(memory.classes, traces);
  const calibrations = yield* calibrationsInSteps(detector, weights, memory, traces, callWeights);
  return { memory, calibrations, ...(callWeights && { callWeights }), classless: classlessIn(memory.classes, traces) };
}

function classlessIn(classes: WorkloadClasses, traces: readonly Observed[]): ReadonlySet<string> {
  const unknown = traces.filter(({ service }) => classes.idOf(service) === unknownClassId);
  const own = [...Map.groupBy(unknown, ({ service }) => service)];
  return new Set(own.flatMap(([service, some]) => (some.length < calibrationTracesMin ? [] : [service])));
}

/** Calibrations of the classes in a cluster's normal traces, with a memory that was learnt in this process. */
export function calibrateCluster(
  detector: JudgingDetector,
  weights: Float32Array,
  memory: LocalMemory,
  traces: readonly Observed[],
): Map<number, Calibration> {
  return atOnce(calibrationsInSteps(detector, weights, memory, traces));
}

/** Scores traces with one model. Close it to free the opened weights. */
export class SyscallScorer {
  readonly #detector: OpenDetector;
  readonly #classes: WorkloadClasses;
  readonly #clusters: ReadonlyMap<string, ClusterState>;
  /** By class, what is usual by the weights alone, over the clusters that know the class: for those that do not. */
  readonly #sharedUsual: ReadonlyMap<number, SharedUsual>;

  constructor(model: SyscallModel) {
    this.#detector = model.detector.open(model.weights);
    this.#classes = classesOf(model.detector.spec);
    this.#clusters = model.clusters;
    this.#sharedUsual = sharedUsualOf(model.clusters);
  }

  /**
   * Scores in the order of the traces. A workload class that the model does not know is judged by what the cluster learnt of it;
   * where that is too little, by the known class that explains the trace best, so that an unknown name alone is no alarm. A trace
   * without calls scores 0.
   */
  score(traces: readonly Scored[]): Float64Array {
    return Float64Array.from(traces, (trace) => this.#scoreOf(trace));
  }

  /** Surprisal of each call, nats, with the local memory where there is one: what explanations and windows start from. */
  surprisal(trace: Scored): Float32Array {
    const local = this.#localOf(trace);
    const calibration = local?.calibrations.get(this.#classes.idOf(trace.service));
    const { surprisal, ofArguments } = heard(sharedSurprisal(this.#detector, trace), calibration ?? {});
    return withArguments(mixedSurprisal(surprisal, local?.memory.surprisal(trace)), ofArguments);
  }

  /** What the model's view of sets says of a trace; undefined for models without one, and where it has no say. */
  explainSet(trace: Scored): SetExplanation | undefined {
    const { calibration, steadied } = this.#readAs(trace);
    const distance = this.#detector.setDistance?.(trace, steadied);
    if (distance === undefined || trace.calls.length === 0 || calibration?.sharedHelps === false) return undefined;
    const usual = calibration?.setUsual;
    return explainSet(
      distance,
      usual === undefined ? undefined : distanceOf(usual),
      this.#detector.setResiduals?.(trace, steadied) ?? new Map(),
    );
  }

  /** What of a trace nobody did before; undefined where nobody knows runs, where they do not count, and where no more is new than is usual here. */
  explainRuns(trace: Scored): RunsExplanation | undefined {
    const { local, calibration, countsRuns } = this.#readAs(trace);
    if (!countsRuns) return undefined;
    const found = heard(sharedSurprisal(this.#detector, trace), calibration ?? {});
    const { known, length } = runsIn(found, local?.memory.look(trace));
    const explained = known.length === 0 ? undefined : explainRuns(trace.calls, known, length);
    if (explained === undefined) return undefined;
    return explained.fresh / explained.distinct > (calibration?.ownNew ?? 0) ? explained : undefined;
  }

  /** Scores of a trace's windows: power means of their calls' surprisal, with where each window begins. */
  scoreWindows(trace: Scored, length = 20, stride = 10): { starts: Uint32Array; scores: Float64Array } {
    const surprisal = this.surprisal({ ...trace, service: this.judgedAs(trace) });
    const starts = windowStarts(trace.calls.length, { length, stride });
    const scores = Float64Array.from(starts, (start) => powerMean(surprisal.subarray(start, start + length), 3));
    return { starts, scores };
  }

  close(): void {
    this.#detector.close();
  }

  /** The service by whose class a trace is judged: its own, or the one that explains it best. For explanations to be of its score. */
  judgedAs(trace: Scored): string {
    return this.#isOwn(trace) ? trace.service : this.#bestOf(trace).service;
  }

  #scoreOf(trace: Scored): number {
    if (trace.calls.length === 0) return 0;
    return this.#isOwn(trace) ? this.#scoreAs(trace, this.#classes.idOf(trace.service)) : this.#bestOf(trace).score;
  }

  /** Whether a trace is judged by the class of its own service. */
  #isOwn(trace: Scored): boolean {
    const isKnown = this.#classes.names.length === 0 || this.#classes.idOf(trace.service) !== unknownClassId;
    return isKnown || this.#localOf(trace)?.classless?.has(trace.service) === true;
  }

  /** The known class that explains a trace best. */
  #bestOf(trace: Scored): Readonly<{ service: string; score: number }> {
    return this.#classes.names
      .map((service) => ({ service, score: this.#scoreAs({ ...trace, service }, this.#classes.idOf(service)) }))
      .reduce((best, one) => (one.score < best.score ? one : best));
  }

  #scoreAs(trace: Scored, classId: number): number {
    const { local, calibration, elsewhere, reading, countsRuns, steadied } = this.#readAs(trace);
    const weights = local?.callWeights?.of(trace.calls, classId);
    const shared = sharedFindings(this.#detector, trace, steadied);
    const found = heard(shared, calibration ?? {});
    const look = local?.memory.look(trace);
    const fresh = countsRuns ? freshIn(trace.calls, found, look) : 0;
    const raw = rawTraceScore(found, look, { weights, usual: calibration, fresh, reading });
    if (local === undefined) return raw - (elsewhere?.median ?? 0);
    // A workload that is learning still counts from 0: too few traces say what is usual worse than none.
    const beside = raw - (calibration?.median ?? 0);
    const share = leaning(calibration);
    if (calibration === undefined || share === 0) return beside;
    const alone = aloneScore(trace.calls, { ...shared, setDistance: this.#detector.setDistance?.(trace, true) });
    return leant(beside, alone - calibration.sharedMedian, share);
  }

  /** By whose calibration a trace is read, if by any, and how. */
  #readAs(trace: Scored) {
    const classId = this.#classes.idOf(trace.service);
    const local = this.#localOf(trace);
    const calibration = local?.calibrations.get(classId);
    const elsewhere = this.#sharedUsual.get(classId);
    const reading = local === undefined ? elsewhere?.reading : calibration && readingOf(calibration);
    const countsRuns = (reading ?? latestReading) >= 5;
    const steadied = local === undefined && countsRuns;
    return { local, calibration, elsewhere, reading, countsRuns, steadied };
  }

  /** The local part of the trace's cluster, if that cluster knows the class. */
  #localOf(trace: Scored): ClusterState | undefined {
    const state = trace.cluster === undefined ? undefined : this.#clusters.get(trace.cluster);
    return state?.memory.knows(this.#classes.idOf(trace.service)) ? state : undefined;
  }
}

type SharedUsual = Readonly<{ median: number; reading: Reading }>;

/** Middle scores compare where they are of one reading: of each class those count that are of its latest. */
function sharedUsualOf(clusters: ReadonlyMap<string, ClusterState>): Map<number, SharedUsual> {
  const all = clusters.values().flatMap(({ calibrations }) => calibrations);
  return new Map(
    [...Map.groupBy(all, ([classId]) => classId)].map(([classId, some]) => {
      const own = some.map(([, calibration]) => calibration);
      const reading = Math.max(...own.map(readingOf)) as Reading;
      const medians = own.filter((one) => readingOf(one) === reading).map(({ sharedMedian }) => sharedMedian);
      return [classId, { median: quantileOf(medians, 0.5), reading }];
    }),
  );
}
