import type { Result } from '../../base/fault.ts';
import type { ClassName } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { BufferFault, BufferSizes } from './example-buffer.ts';
import type { Plan } from './plan.ts';
import type { PerStepPrivacy } from './private-steps.ts';
import type { Trained, TrainLocallyFaultCode } from './train-locally.ts';

/** One round's training, as the client asks its training process for it. */
export type TrainJob = Readonly<{
  /** URL of the track's module: see track-kinds.ts. */
  kindModule: string;
  spec: ModelSpec;
  /** Little-endian float32. */
  basePath: string;
  /** The trusted sample, where the plan mixes it in. */
  samplePath?: string | undefined;
  bufferPath: string;
  bufferSizes: BufferSizes;
  /** 32 bytes; travels over the process's private channel, never through its arguments or environment. */
  dataKey: Uint8Array;
  plan: Plan;
  /** The classes that this cluster may speak for, of a model with blocks by class. */
  classes?: readonly ClassName[] | undefined;
  gradientClipNorm: number;
  perStep?: PerStepPrivacy | undefined;
  hardRepeats: number;
  /** How many cores' worth of time training may use on average, above 0. */
  coresMax: number;
}>;

/** How one round's training ends without a delta; the last two where its process did. */
export type TrainFaultCode =
  | TrainLocallyFaultCode
  | BufferFault
  | 'LENGTH_MISMATCH'
  | 'SAMPLE_UNREADABLE'
  | 'TRAINING_CRASHED'
  | 'TRAINING_OUT_OF_MEMORY';

export type ToTrainer = Readonly<
  { kind: 'train'; job: TrainJob } | { kind: 'pause' } | { kind: 'resume' } | { kind: 'stop' }
>;

export type FromTrainer = Readonly<
  | { kind: 'ready' }
  | { kind: 'progress'; epoch: number; steps: number; loss: number; rssBytes: number }
  | { kind: 'done'; result: Result<Trained, TrainFaultCode>; unreadable: number }
>;
