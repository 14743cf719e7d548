import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Trace } from '../events/trace.ts';

/** What a detector reads of a trace: never its labels. */
export type Observed = Pick<Trace, 'calls' | 'service' | 'argumentClasses'>;

export type TrainingOptions = Readonly<{
  /** Decides the order of examples: the same seed, traces and steps give the same weights to the bit. */
  seed: number;
  /** At most so many gradient steps; detectors that count instead of descending do not need any. */
  steps: number;
  /** Stops earlier once this much time has passed; the result then depends on the machine's speed. */
  secondsMax?: number;
  batchSize?: number;
  learningRate?: number;
  /** Longest gradient, L2. */
  clipNorm?: number;
  /** FedProx strength towards the base weights. */
  proximal?: number;
  signal?: AbortSignal;
}>;

export type Trained = Readonly<{
  /** Flat float32 of the spec's layout: the local weights. Their difference to the base is the delta. */
  weights: Float32Array;
  steps: number;
  /** Distinct examples there were to learn from: the example count of an update. */
  examples: number;
  /** Mean loss over the last tenth of the steps, nats per call; after learning, where there are no steps. */
  loss: number;
}>;

/** See `OpenDetector.surprisalAndRuns`. */
export type SurprisalAndRuns = Readonly<{ surprisal: Float32Array; knownRuns: Uint8Array }>;

/** Weights opened for scoring. Holds native memory until `close()`, which may be called twice. */
export interface OpenDetector {
  /**
   * How unexpected each call of each trace is, in nats: one array of shape [calls] per trace, in order. Empty traces
   * give empty arrays.
   */
  surprisal(traces: readonly Observed[]): Float32Array[];
  /**
   * As `surprisal` of one trace, and how many calls the longest run has that ends at each call and was seen in normal traces, shape
   * [calls]; only of models that know runs.
   */
  surprisalAndRuns?(trace: Observed): SurprisalAndRuns;
  /**
   * How unexpected the class of each call's arguments is, given the call, in nats; 0 where the source saw none. Laid out
   * as `surprisal`; only of models that read arguments.
   */
  argumentSurprisal?(traces: readonly Observed[]): Float32Array[];
  /**
   * The second view of models that have one: how far the set of a trace's calls is from any normal set of its class, 0 to about 1.
   * steadied: what stands for no sets in the weights, such as pairs of calls that share a slot, does not blow it up; by default it is as it always was.
   */
  setDistance?(trace: Observed, steadied?: boolean): number;
  /** What each call that occurs adds to `setDistance` before it is shared out, by call id; for explanations. */
  setResiduals?(trace: Observed, steadied?: boolean): ReadonlyMap<number, number>;
  close(): void;
}

/** A kind of detector under federation: what its weights look like, how they begin, learn and judge. */
export interface Detector {
  readonly spec: ModelSpec;
  /** Weights to begin with; the same seed gives the same bits. */
  init(seed: number): Float32Array;
  /** One client's work in one round: local weights from the base, which stays untouched. CPU-bound and synchronous. */
  train(base: Float32Array, traces: readonly Observed[], options: TrainingOptions): Trained;
  /** weights: flat, of the spec's layout, copied. Throws on another length. */
  open(weights: Float32Array): OpenDetector;
}

/** What judging needs of a detector. */
export type JudgingDetector = Pick<Detector, 'spec' | 'open'>;

/** Mean surprisal of all calls, in nats: the loss that local training lowers. NaN without calls. */
export function meanSurprisal(detector: OpenDetector, traces: readonly Observed[]): number {
  let sum = 0;
  let count = 0;
  for (const surprisal of detector.surprisal(traces)) {
    for (const value of surprisal) sum += value;
    count += surprisal.length;
  }
  return sum / count;
}
