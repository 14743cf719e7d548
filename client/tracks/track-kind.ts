/**
 * What a folder below client/tracks/ provides to become a track that a cluster can run: `NAME/track.ts` exports
 * `trackKind`, and that is all (docs/adding-a-track.md walks through one). Everything around it is the client's: sources
 * and their cursors, the encrypted buffer, training within its budget, thresholds, alerts, feedback, rounds.
 *
 *     source items ─ intake → observations ─ exampleOf → examples ─┬ buffer ─ openLearner → delta
 *                                                                  └ openScorer → scores ─ threshold → alert ─ describe
 *
 * `track.ts` is loaded in the client, in its training process and in its scoring thread. What is heavy (TensorFlow) or
 * needed in only one of them is imported by the functions below, when they are called.
 */

import type { Fault, Result } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { ClassName } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Intake } from '../events/intake.ts';
import type { RateFact, RateQuery } from '../events/rate-fact.ts';
import type { SourceBatch } from '../events/source-item.ts';
import type { LastingCode } from '../posture/exposure.ts';
import type { FilePosition } from '../recordings/file-follower.ts';
import type { ExampleCodec } from './example-codec.ts';
import type { Learner } from './learner.ts';
import type { OfflineKind } from './offline-kind.ts';
import type { PlaceScorer } from './place-scores.ts';
import type { SharedMap } from './shared-map.ts';

/**
 * Observation: what a few source items add up to, with everything an alert says about them; it stays in the client's main
 * thread. Example: what a detector learns from and scores, without names and times that nobody learns; it is stored
 * encrypted and sent to the scoring thread, so it is plain data (numbers, texts, typed arrays, lists of those).
 */
export interface TrackKind<Observation = unknown, Example = unknown> {
  /** `architecture` of the model specs that it learns and scores with, such as "syscall-gram-table/1". */
  readonly architectures: readonly string[];
  readonly examples: ExampleCodec<Example>;
  /**
   * The distinct hashed features of a place that antibodies are made of: what an attack brings along wherever it is tried.
   * Unless given, the track has no antibodies.
   */
  antigens?(example: Example, place: number): Uint32Array;
  /**
   * How far above usual, 0, a place scores that one in a hundred normal ones passes, in most clusters: the scale on which antibodies add to
   * scores. 1 unless given.
   */
  readonly scoreRange?: number;
  /**
   * Its scorer learns the earlier of the normal examples and meets the later ones in their order, so that what it learns says what comes
   * scores. Unless given, thresholds start from examples that were scored by a model which had learnt every other one.
   */
  readonly meetsNormalInOrder?: true;
  /** What its risks tell other tracks of a workload; unless given, they cannot ask for them. */
  readonly watches?: Watched;
  /**
   * A sensor of its own, for configured sources of kind `ofTrack`; the items it yields are of that kind too. Throws where
   * the settings are not what it expects: the source is then reported as failed.
   */
  openSource?(
    settings: unknown,
    options: Readonly<{
      from: FilePosition | undefined;
      signal: AbortSignal;
      timers: Timers;
      onDisconnect: (fault: Fault) => void;
    }>,
  ): AsyncIterable<SourceBatch<FilePosition>>;
  /** Called once for each track and client: what is put together over several sources is held here. */
  openIntake(surroundings: Surroundings): Intake<Observation>;
  /** The whole observation as an example: what is scored. */
  exampleOf(observation: Observation): Example;
  /** An example without the places that raised alarms: what is learnt. Unless given, such an example is not learnt. */
  withoutPlaces?(example: Example, places: readonly number[]): Example | undefined;
  /** What feedback on the alarm at one place is about: what is stored beside the alert. The whole example unless given. */
  onlyPlace?(example: Example, place: number): Example;
  /** Whom a place is about; asked for every place that is judged. */
  subjectOf(observation: Observation, place: number): Subject;
  /**
   * What a place adds to what is counted of workloads by the minute, and whose counts say something about it (`client/rates/`).
   * Unless given, rates have no part in the track's scores.
   */
  ratesOf?(observation: Observation, place: number): RateView;
  /** What an alert says of a place that raised an alarm. */
  describe(observation: Observation, place: number): Description;
  /** Reads a canary attack set: attack class to examples that must raise an alarm. Without it the track takes none. */
  readCases?(path: string): Promise<Result<ReadonlyMap<string, readonly Example[]>, 'ATTACK_SET_UNREADABLE'>>;
  /** Reads normal examples from a file in the form of attack sets. */
  readNormal?(path: string): Promise<Result<readonly Example[], 'ATTACK_SET_UNREADABLE'>>;
  /** Reads files of `testudo profile`. Without it the track takes no baselines. */
  loadBaselines?(paths: readonly string[]): Promise<Result<Baseline<Observation, Example>, 'BASELINE_UNREADABLE'>>;
  /** In the training process. base: shape [layout.length]. */
  openLearner(
    spec: ModelSpec,
    base: Float32Array,
    options: LearnerOptions,
  ): Promise<Result<Learner<unknown, Example>, 'MODEL_UNUSABLE'>>;
  /**
   * In the scoring thread. normal: the buffer's normal examples, which calibrate the model locally; what is learnt from
   * them here never leaves. Throws where the spec is not one of ours.
   */
  openScorer(
    spec: ModelSpec,
    weights: Float32Array,
    normal: readonly Example[],
    options?: ScorerOptions,
  ): Promise<TrackScorer<Example>>;
  /** Where models have a small form that runs without TensorFlow (docs/releases.md): 8-bit ONNX. */
  readonly light?: LightKind<Example>;
  /** Trusted samples (docs/robustness.md); without it a track of this kind takes none. */
  readonly samples?: SampleKind<Example>;
  /** Who talks to whom about what, of normal examples; nothing is told of a track without it, whatever the cluster shares. */
  mapOf?(examples: readonly Example[]): Promise<SharedMap | undefined>;
  /** What `testudo score` and the other verbs on files do for this kind; loaded when one of them is used. */
  offline?(): Promise<OfflineKind>;
}

export type SampleKind<Example> = Readonly<{
  /** What a sample's bytes hold. */
  read(bytes: Uint8Array): Promise<Result<SampleContent<Example>, 'SAMPLE_UNREADABLE'>>;
  /**
   * What weights lose on it; undefined for an architecture that cannot tell. base: shape [d], left alive. Throws a RangeError
   * for a spec of another version.
   */
  open(spec: ModelSpec, content: SampleContent<Example>, base: Float32Array): Promise<SampleLoss | undefined>;
}>;

export type SampleContent<Example> = Readonly<{
  normal: readonly Example[];
  attacks: readonly Example[];
  /** Ascending by name. */
  classes: readonly Readonly<{ name: string; normalCount: number; attackCount: number }>[];
}>;

/**
 * What weights lose on a trusted sample, in the shape that aggregation takes it. The same for the same weights, to the bit.
 * Holds native memory until `close()`.
 */
export type SampleLoss = Readonly<{
  /** Names of the classes in the order of `losses`, ascending. */
  covered: readonly string[];
  /** Mean loss of each covered class, never negative, float64. weights: shape [d]. */
  losses(weights: Float32Array): Promise<Float64Array>;
  /** The mean of `losses` and its gradient, shape [d]. */
  gradient?(weights: Float32Array): Promise<Readonly<{ loss: number; gradient: Float32Array }>>;
  /**
   * Of networks, whose `losses` are of normal work alone: how badly weights, shape [d], tell the sample's attacks from it, never
   * negative, and its gradient, shape [d]. Absent where the sample holds no attack.
   */
  attacks?(weights: Float32Array): Promise<Readonly<{ loss: number; gradient: Float32Array }>>;
  /** How well weights, shape [d], tell attacks from normal: area under the ROC curve, mean of the classes with both; else NaN. */
  worth?(weights: Float32Array): Promise<number>;
  /** Of tables: 1 where the sample's attacks leave evidence and nothing normal that it holds does, else 0; shape [d]. */
  attacksOnly?: Uint8Array;
  /** What the same training makes of the sample alone, as an update from the base, shape [d]. */
  reference?: Float32Array;
  close(): void;
}>;

export type LearnerOptions = Readonly<{
  seed: number;
  stepsMax: number;
  /** Of a model with blocks by class: the classes that this cluster may speak for. Examples of others are not learnt. */
  classes?: readonly ClassName[] | undefined;
}>;

export type LightKind<Example> = Readonly<{
  /** A pure function of spec and weights; undefined for an architecture without one. */
  write(spec: ModelSpec, weights: Float32Array): Promise<Uint8Array | undefined>;
  /** As `openScorer`, from what `write` made. */
  openScorer(
    spec: ModelSpec,
    light: Uint8Array,
    normal: readonly Example[],
    options?: ScorerOptions,
  ): Promise<TrackScorer<Example>>;
}>;

/** Settings of `scoring` that are about what a score is; a kind uses those that mean something to it. */
export type ScorerOptions = Readonly<{
  /** Calls that few of a workload's normal traces make count more in a trace's score. */
  callWeights?: 'none' | 'tfidf';
  /**
   * The share of normal places that the client's thresholds let through, above 0 and below 1; `defaultAlertRate` unless
   * given. It says how unusual a risk of 1 is.
   */
  alertRate?: number;
}>;

export const defaultAlertRate = 0.001;

/** What a track looks at, whatever the track is called in one client. */
export type Watched = 'system calls' | 'flows' | 'requests';

/** What a track may know of the client around it. */
export type Surroundings = Readonly<{
  /**
   * The latest risk of a workload by the tracks that watch this (`watches` of their kind), the highest where there are
   * several; 1 is such a track's threshold. Undefined where none of them has a risk for it.
   */
  riskOf(watched: Watched, namespace: string, workload: string): number | undefined;
  /**
   * What the specs of a workload's pods give an intruder, of all its pods together; undefined where no pod of it is known. Not
   * there where nobody watches pods.
   */
  exposedBy?(namespace: string, workload: string): readonly LastingCode[] | undefined;
  /** A secret of this client, the same over restarts, for hashes that nobody else can look up. 32 bytes. */
  salt: Uint8Array;
  /** The wall clock: against it arrivals tell whether a sensor's clock is wrong. Needs no `this`. */
  now: () => EpochMs;
}>;

/** A model that judges, opened for one client. Holds native memory until `close()`, which may be called twice. */
export interface TrackScorer<Example> extends PlaceScorer<Example> {
  explain(example: Example, place: number): Explanation;
  /** What its calibration says of itself, a sentence each: what is still learning, which part has no say here and why. */
  remarks?(): readonly string[];
}

/** Why it scored as it did: for programs and for people. */
export type Explanation = Readonly<{ detail: Readonly<Record<string, unknown>>; text: string }>;

export type Description = Readonly<{
  /** The same when the same things are read again after a crash: alerts are told apart by it. */
  identity: string;
  /** By the source's clock; 0 where it has none. */
  firstMs: number;
  lastMs: number;
  /** What stands in the alert beside the common fields, as JSON. */
  detail: Readonly<Record<string, unknown>>;
}>;

export type RateView = Readonly<{
  /** By the source's clock; 0 where it has none. */
  atMs: number;
  /** Counted once, when the place is judged. */
  adds: readonly RateFact[];
  /** Rates that it did not add to, and that are about it all the same. */
  of: readonly RateQuery[];
}>;

/** Whom an alarm is about; empty texts where nobody knows. */
export type Subject = Readonly<{
  namespace: string;
  workload: string;
  workloadClass: string;
  pod: string;
  /** Where the source says it: other tools' alerts may name nothing else. */
  containerId?: string | undefined;
}>;

/** What workloads did before they shipped. */
export type Baseline<Observation, Example> = Readonly<{
  /** Go into the buffer, where they set thresholds with the first model. */
  examples: readonly Example[];
  /** What the baseline says about something that raised an alarm, such as calls that it never made. */
  remark(observation: Observation): Explanation | undefined;
}>;
