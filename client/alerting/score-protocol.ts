import type { Branded, Digest } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { TraceExplanation } from '../detectors/syscall/explain.ts';
import type { BufferSizes } from '../training/example-buffer.ts';

/** A model to score with, and where the normal examples lie that calibrate it. */
export type ScoringModel = Readonly<{
  spec: ModelSpec;
  version: number;
  /** What the bytes of the weights are checked against. */
  digest: Digest;
  /** Little-endian float32. */
  weightsPath: string;
  bufferPath: string;
  bufferSizes: BufferSizes;
  /** 32 bytes; a thread shares its process's memory, nothing leaves it. */
  dataKey: Uint8Array;
}>;

/** Names a model among those that are loaded. Two versions with the same weights are two models. */
export type ModelName = Branded<string, 'ModelName'>;

export function nameOf({ version, digest }: Readonly<{ version: number; digest: Digest }>): ModelName {
  return `${version}/${digest}` as ModelName;
}

/** What a detector is told of a live trace. */
export type JudgedTrace = Readonly<{ workload: string; calls: Uint16Array }>;

/** Workload class to scores of its normal examples. */
export type NormalScores = ReadonlyMap<string, readonly number[]>;

/** One model's scores of a batch, in the batch's order. */
export type ModelScores = Readonly<{ model: ModelName; scores: Float64Array; microseconds: number }>;

/** Any number of models may be loaded; one of them is live, and another one may run in shadow beside it. */
export type ToScorer = Readonly<
  | { kind: 'load'; id: number; model: ScoringModel; recent: readonly JudgedTrace[] }
  /** From the next batch on this model is the live one. The one that was is closed. */
  | { kind: 'swap'; id: number; model: ModelName }
  | { kind: 'shadow'; id: number; model: ModelName | undefined }
  | { kind: 'drop'; id: number; model: ModelName }
  | { kind: 'score'; id: number; traces: readonly JudgedTrace[] }
  /** With a model of the asker's choice: what a model would say, which no alert is raised from. */
  | { kind: 'assess'; id: number; model: ModelName; traces: readonly JudgedTrace[] }
  | { kind: 'explain'; id: number; model: ModelName; trace: JudgedTrace }
  | { kind: 'count'; id: number }
>;

export type FromScorer = Readonly<
  | {
      kind: 'loaded';
      id: number;
      /** Of the buffer's normal examples and of the recent traces, in this order. */
      normal: NormalScores;
    }
  | { kind: 'done'; id: number }
  /** The live model's scores of the whole batch, and the shadow's where there is one. */
  | { kind: 'scored'; id: number; live: ModelScores; shadow: ModelScores | undefined }
  | { kind: 'assessed'; id: number; scores: Float64Array }
  | { kind: 'explained'; id: number; explanation: TraceExplanation; text: string }
  | { kind: 'counted'; id: number; models: number; tensors: number }
  | { kind: 'failed'; id: number; code: string; message: string }
>;
