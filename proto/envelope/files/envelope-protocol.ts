import type { Result } from '../../../base/fault.ts';
import type { Sealed, SealFaultCode, SealTarget } from './seal-writer.ts';
import type { Opened, OpenFileFaultCode, OpenFileJob, SealFileJob } from './sealed-file.ts';

/** What the event loop asks of an envelope thread: one job at a time, each answered once. */
export type EnvelopeRequest =
  | { kind: 'sealFile'; job: SealFileJob }
  | { kind: 'openFile'; job: OpenFileJob }
  /** Values follow in the slots of `shared`; answered at `valuesEnd`. */
  | { kind: 'sealValues'; target: SealTarget; shared: SharedArrayBuffer }
  /** A filled slot: the thread's until it answers `slotFree`. */
  | { kind: 'slot'; slot: number; bytes: number }
  /** `complete` is false where the values broke off: nothing must be left. */
  | { kind: 'valuesEnd'; complete: boolean };

export type EnvelopeReply =
  /** `refused`: sealing has failed already, more values are of no use. */
  | { kind: 'slotFree'; slot: number; refused: boolean }
  | { kind: 'sealed'; result: Result<Sealed, SealFaultCode> }
  | { kind: 'opened'; result: Result<Opened, OpenFileFaultCode> }
  | { kind: 'abandoned' };

/** The shared ring through which values pass: slots of one chunk, four so that both sides have work. */
export const ring = { slotBytes: 2 ** 18, slots: 4 } as const;
