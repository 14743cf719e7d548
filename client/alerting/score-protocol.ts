import type { ModelSpec } from '../../proto/model-spec.ts';
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

export type ScoredTrace = Readonly<{
  score: number;
  /** −ln p of each call in nats, shape [calls]. */
  surprisal: Float32Array;
}>;

/** Workload class to scores of its normal examples. */
export type NormalScores = ReadonlyMap<string, readonly number[]>;

export type ToScorer = Readonly<
  | { kind: 'load'; id: number; model: ScoringModel }
  | { kind: 'score'; id: number; traces: readonly Readonly<{ workload: string; calls: Uint16Array }>[] }
>;

export type FromScorer = Readonly<
  | {
      kind: 'loaded';
      id: number;
      normal: NormalScores;
      regression: readonly Readonly<{ workload: string; score: number }>[];
    }
  | { kind: 'scored'; id: number; traces: readonly ScoredTrace[] }
  | { kind: 'failed'; id: number; code: string; message: string }
>;
