import { digestOf } from '../../proto/digest.ts';
import type { Branded, Digest } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { BufferFault, BufferSizes } from '../learning/example-buffer.ts';
import type { PlaceScores } from '../tracks/place-scores.ts';
import type { Explanation, ScorerOptions } from '../tracks/track-kind.ts';
import type { NormalScores } from './thresholds/first-scores.ts';

/** A file of a release on disk, and what its bytes are checked against. */
export type CheckedFile = Readonly<{ digest: Digest; path: string }>;

/** What operators hold this cluster to of one antibody. */
export type HeldAntibody = Readonly<{
  digest: Digest;
  /** Where the antibody lies that stays in use whatever the release brings; absent for one that is not to be used. */
  path?: string;
  /** For people: which pin, whose, and why. */
  because: string;
}>;

/** A model to score with, and where the normal examples lie that calibrate it. */
export type ScoringModel = Readonly<{
  /** URL of the track's module: see track-kinds.ts. */
  kindModule: string;
  spec: ModelSpec;
  version: number;
  /** What the bytes of the weights are checked against. */
  digest: Digest;
  /** Little-endian float32. */
  weightsPath: string;
  /** Judges in the place of the weights, where the cluster runs light forms. */
  light?: CheckedFile;
  /** What other clusters confirmed about attacks; those that have expired when it is loaded are passed over. */
  antibodies?: CheckedFile;
  heldAntibodies?: readonly HeldAntibody[];
  scorerOptions?: ScorerOptions;
  bufferPath: string;
  bufferSizes: BufferSizes;
  /** 32 bytes; a thread shares its process's memory, nothing leaves it. */
  dataKey: Uint8Array;
}>;

/** Names a model among those that are loaded. Two versions with the same weights are two models, and so is one with other antibodies. */
export type ModelName = Branded<string, 'ModelName'>;

export function nameOf({
  version,
  digest,
  heldAntibodies = [],
}: Readonly<Pick<ScoringModel, 'version' | 'digest' | 'heldAntibodies'>>): ModelName {
  const held = heldAntibodies.map((one) => `${one.path === undefined ? '-' : '+'}${one.digest} ${one.because}`).sort();
  const more = held.length === 0 ? '' : `/${digestOf(Buffer.from(held.join('\n')))}`;
  return `${version}/${digest}${more}` as ModelName;
}

/** One model's scores of a batch, in the batch's order. */
export type ModelScores = Readonly<{ model: ModelName; scores: readonly PlaceScores[]; microseconds: number }>;

/**
 * Examples are the track's: plain data that only its kind looks into. Any number of models may be loaded; one of them is live, and another one may run in
 * shadow beside it.
 */
export type ToScorer = Readonly<
  /** atMs: now, in milliseconds since the epoch. */
  | { kind: 'load'; model: ScoringModel; atMs: number; recent: readonly unknown[] }
  /** From the next batch on this model is the live one. The one that was is closed. */
  | { kind: 'swap'; model: ModelName }
  | { kind: 'shadow'; model: ModelName | undefined }
  | { kind: 'drop'; model: ModelName }
  | { kind: 'score'; examples: readonly unknown[] }
  /** With a model of the asker's choice: what a model would say, which no alert is raised from. */
  | { kind: 'assess'; model: ModelName; examples: readonly unknown[] }
  | { kind: 'explain'; model: ModelName; example: unknown; place: number }
  | { kind: 'count' }
>;

/** What the thread refuses with. SCORING_FAILED stands for whatever a kind of track threw. */
export type ThreadFaultCode =
  | BufferFault
  | 'ANTIBODY_INVALID'
  | 'LENGTH_MISMATCH'
  | 'MODEL_DIGEST_MISMATCH'
  | 'MODEL_NOT_FINITE'
  /** Also of the live one, where the thread began anew. */
  | 'MODEL_NOT_LOADED'
  | 'MODEL_UNREADABLE'
  | 'MODEL_UNUSABLE'
  | 'SCORING_FAILED';

/**
 * When what was loaded is what would be loaded: from the last end of an antibody that is passed over to the next end of one that is not,
 * in milliseconds since the epoch; infinite where there is none. A clock that is set back gives antibodies back.
 */
export type Holds = Readonly<{ fromMs: number; untilMs: number }>;

export type FromScorer = Readonly<
  | {
      kind: 'loaded';
      /** Of the buffer's normal examples and of the recent ones, in this order. */
      normal: NormalScores;
      /** See `TrackScorer.remarks`. */
      remarks: readonly string[];
      holds: Holds;
    }
  | { kind: 'done' }
  /** The live model's scores of the whole batch, and the shadow's where there is one. */
  | { kind: 'scored'; live: ModelScores; shadow: ModelScores | undefined }
  | { kind: 'assessed'; scores: readonly PlaceScores[] }
  | { kind: 'explained'; explanation: Explanation }
  | { kind: 'counted'; models: number; tensors: number }
  | { kind: 'failed'; code: ThreadFaultCode; message: string }
>;
