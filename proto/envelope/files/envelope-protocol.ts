import type { SealTarget } from './seal-writer.ts';
import type { OpenFileJob, SealFileJob } from './sealed-file.ts';

/** What the event loop asks of an envelope thread: one job at a time. */
export type EnvelopeRequest =
  /** Answered with Result<Sealed, SealFaultCode>. */
  | { kind: 'sealFile'; job: SealFileJob }
  /** Answered with Result<Opened, OpenFileFaultCode>. */
  | { kind: 'openFile'; job: OpenFileJob }
  /** Values follow in the slots of `shared`; answered at `valuesEnd`, as sealFile is, or with nothing where they broke off. */
  | { kind: 'sealValues'; target: SealTarget; shared: SharedArrayBuffer }
  /** A filled slot: the thread's until it answers, with `SlotTaken`. */
  | { kind: 'slot'; slot: number; bytes: number }
  /** `complete` is false where the values broke off: nothing must be left. */
  | { kind: 'valuesEnd'; complete: boolean };

/** `refused`: sealing has failed already, more values are of no use. */
export type SlotTaken = Readonly<{ refused: boolean }>;

/** The shared ring through which values pass: slots of one chunk, four so that both sides have work. */
export const ring = { slotBytes: 2 ** 18, slots: 4 } as const;
