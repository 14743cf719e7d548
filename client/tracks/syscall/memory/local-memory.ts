/**
 * What one cluster knows about its own workloads and never sends: the evidence in its own traces, the profiles of its
 * processes, and how its normal traces score. The federated model says what is normal for a class of workload anywhere;
 * this says what is normal here.
 */
import type { Observed } from '../../detector.ts';
import { atOnce, type Steps } from '../../steps.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import type { EvidenceCounts, MemoryViews } from './memory-views.ts';
import { type ProfileDistances, ProfileMemory } from './profile-memory.ts';

/**
 * How models of two views read a trace, beside a cluster's memory and without one (../scoring/trace-score.ts). A calibration counts from
 * scores of its own reading, so that one that was stored before another reading came goes on as it was.
 */
export type Reading = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** What is usual of a workload's normal traces, in models with a view of sets; what is not said counts as 0, and of sets as no surprise. */
export type UsualHere = Readonly<{
  /** The logarithm of a distance that nine of ten normal traces stay below. */
  setUsual?: number | undefined;
  /** From the sixth reading on: the middle score before excuses and new runs. */
  unexcused?: number | undefined;
  /** From the sixth reading on: the mean share of a normal trace's runs that the cluster's own past would not know without it. */
  ownNew?: number | undefined;
}>;

/** How the normal traces of one class score here, each judged as if it had not been learnt. */
export type Calibration = UsualHere &
  Readonly<{
    /** Traces it was made from. */
    traces: number;
    /** The middle normal score: what scores are counted from, so that those of different workloads compare. */
    median: number;
    /** The middle score by the federated weights alone: what clusters without a local part count from. */
    sharedMedian: number;
    /** Scores above the median, at the upper tail shares of `tailShares`. */
    tail: readonly number[];
    /** False where the federated model knows nothing of this cluster's normal calls: it has no say then. */
    sharedHelps?: boolean;
    /** How the traces were read; the first where it is not said. */
    reading?: Reading;
  }>;

/** The shares of normal traces that score above each entry of a calibration's tail. */
const tailShares = [0.25, 0.1, 0.05, 0.02, 0.01] as const;

/**
 * Fewer normal traces than this say too little about a class for a calibration: until then the workload is learning, and its
 * scores count from 0. With five, scores got worse than with none; with ten, a cluster that nobody has seen is judged well.
 */
export const calibrationTracesMin = 10;

const unknownProfile: ProfileDistances = { counts: 1, presence: 1 };

/** What the local memory finds in one trace. */
export type LocalFindings = Readonly<{
  /** −ln p of each call after this cluster's own past, nats, shape [calls]. */
  surprisal: Float32Array;
  /** As of `OpenDetector.surprisalAndRuns`; only of memories that know runs. */
  knownRuns?: Uint8Array | undefined;
  /** To the nearest profiles of the class. */
  profileDistances: ProfileDistances;
}>;

export class LocalMemory {
  readonly classes: WorkloadClasses;
  /** Evidence per slot, shape [slots]. */
  readonly evidence: Float32Array;
  /** By class id. */
  readonly profiles: ReadonlyMap<number, ProfileMemory>;
  /** Only for a memory that was learnt in this process: leaving a trace out needs the counts. */
  #counts: EvidenceCounts | undefined;
  readonly #views: MemoryViews;

  constructor(
    views: MemoryViews,
    classes: WorkloadClasses,
    evidence: Float32Array,
    profiles: ReadonlyMap<number, ProfileMemory>,
    counts?: EvidenceCounts,
  ) {
    this.#views = views;
    this.classes = classes;
    this.evidence = evidence;
    this.profiles = profiles;
    this.#counts = counts;
  }

  static learn(views: MemoryViews, classes: WorkloadClasses, traces: Iterable<Observed>): LocalMemory {
    return atOnce(LocalMemory.learnInSteps(views, classes, traces));
  }

  static *learnInSteps(views: MemoryViews, classes: WorkloadClasses, traces: Iterable<Observed>): Steps<LocalMemory> {
    const counts = views.counts();
    const profiles = new Map<number, ProfileMemory>();
    for (const { calls, service } of traces) {
      const classId = classes.idOf(service);
      if (!counts.learn(calls, classId)) continue;
      const known = profiles.get(classId) ?? new ProfileMemory();
      profiles.set(classId, known);
      known.learn(calls);
      yield;
    }
    return new LocalMemory(views, classes, counts.evidence(), profiles, counts);
  }

  /** Whether any trace of the class was learnt. */
  knows(classId: number): boolean {
    return this.profiles.has(classId);
  }

  /** Forgets what leaving a trace out needs, which is as much as all the rest. */
  settle(): void {
    this.#counts = undefined;
    for (const profiles of this.profiles.values()) profiles.settle();
  }

  look(trace: Observed): LocalFindings {
    const classId = this.classes.idOf(trace.service);
    return {
      ...this.#sequence(trace, classId),
      profileDistances: this.profiles.get(classId)?.distances(trace.calls) ?? unknownProfile,
    };
  }

  #sequence({ calls }: Observed, classId: number): Pick<LocalFindings, 'surprisal' | 'knownRuns'> {
    const knownRuns = this.#views.knowsRuns ? new Uint8Array(calls.length) : undefined;
    return { surprisal: this.#views.surprisal(this.evidence, calls, classId, knownRuns), knownRuns };
  }

  /** The first part of `look`, without the second. */
  surprisal({ calls, service }: Observed): Float32Array {
    return this.#views.surprisal(this.evidence, calls, this.classes.idOf(service));
  }

  /** As `look`, as if these very calls had not been learnt. Only after `learn`, not for a memory from disk or after `settle`. */
  lookWithout(trace: Observed): LocalFindings {
    const classId = this.classes.idOf(trace.service);
    if (this.#counts === undefined)
      throw new Error('a local memory that is settled or from disk cannot leave a trace out; learn it again');
    const sequence = this.#counts.without(this.evidence, trace.calls, classId, () => this.#sequence(trace, classId));
    const profileDistances = this.profiles.get(classId)?.distancesWithout(trace.calls) ?? unknownProfile;
    return { ...sequence, profileDistances };
  }
}

type CalibrationOptions = UsualHere &
  Readonly<{
    sharedHelps?: boolean;
    reading?: Reading | undefined;
  }>;

/**
 * The calibration of a class from the raw scores of its normal traces, with the local memory and without; undefined when
 * there are too few.
 */
export function calibrate(
  scores: readonly number[],
  sharedScores: readonly number[],
  { setUsual, unexcused, ownNew, sharedHelps = true, reading }: CalibrationOptions = {},
): Calibration | undefined {
  if (scores.length < calibrationTracesMin) return undefined;
  const median = quantileOf(scores, 0.5);
  return {
    traces: scores.length,
    median,
    sharedMedian: quantileOf(sharedScores, 0.5),
    tail: tailShares.map((share) => quantileOf(scores, 1 - share) - median),
    ...(setUsual !== undefined && { setUsual }),
    ...(unexcused !== undefined && { unexcused }),
    ...(ownNew !== undefined && { ownNew }),
    ...(!sharedHelps && { sharedHelps }),
    ...(reading !== undefined && { reading }),
  };
}

/** NaN for no values. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}
