import type { ModelSpec } from '../../proto/model-spec.ts';
import type { TraceExplanation } from '../detectors/syscall/explain.ts';
import type { BufferSizes } from '../training/example-buffer.ts';

/** A model to score with, and where the normal examples lie that calibrate it. */
export type ScoringModel = Readonly<{
  spec: ModelSpec;
  version: number;
  /** Little-endian float32. */
  weightsPath: string;
  bufferPath: string;
  bufferSizes: BufferSizes;
  /** 32 bytes; a thread shares its process's memory, nothing leaves it. */
  dataKey: Uint8Array;
}>;

/** What a detector is told of a live trace. */
export type JudgedTrace = Readonly<{ workload: string; calls: Uint16Array }>;

/** Workload class to scores of its normal examples. */
export type NormalScores = ReadonlyMap<string, readonly number[]>;

export type ToScorer = Readonly<
  | { kind: 'load'; id: number; model: ScoringModel }
  | { kind: 'score'; id: number; traces: readonly JudgedTrace[] }
  | { kind: 'explain'; id: number; trace: JudgedTrace }
>;

export type FromScorer = Readonly<
  | {
      kind: 'loaded';
      id: number;
      normal: NormalScores;
      regression: readonly Readonly<{ workload: string; score: number }>[];
    }
  | { kind: 'scored'; id: number; scores: Float64Array }
  | { kind: 'explained'; id: number; explanation: TraceExplanation; text: string }
  | { kind: 'failed'; id: number; code: string; message: string }
>;
