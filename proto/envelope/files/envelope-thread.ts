/** The thread behind EnvelopeWorker: does the jobs of envelope-protocol.ts, one after another. */
import type { Result } from '../../../base/fault.ts';
import { serveThread } from '../../../base/thread-link.ts';
import { wipe } from '../crypto/wipe.ts';
import { type EnvelopeRequest, ring, type SlotTaken } from './envelope-protocol.ts';
import { openSealWriter, type Sealed, type SealFaultCode, type SealWriter } from './seal-writer.ts';
import { openFileSync, sealFileSync } from './sealed-file.ts';

type Sealing = Readonly<{
  shared: SharedArrayBuffer;
  writer: Result<SealWriter, SealFaultCode>;
  answer: (result: Result<Sealed, SealFaultCode> | undefined) => void;
}>;

/** The values being sealed. */
let current: Sealing | undefined;

function answer(request: EnvelopeRequest): unknown {
  switch (request.kind) {
    case 'sealFile':
      return sealFileSync(request.job);
    case 'openFile':
      try {
        return openFileSync(request.job);
      } finally {
        wipe(request.job.round.secretKey); // This thread's copy.
      }
    case 'sealValues': {
      const writer = openSealWriter(request.target);
      return new Promise((resolve) => {
        current = { shared: request.shared, writer, answer: resolve };
      });
    }
    case 'slot':
      return takeSlot(request.slot, request.bytes);
    case 'valuesEnd':
      return endValues(request.complete);
  }
}

function takeSlot(slot: number, bytes: number): SlotTaken {
  if (current === undefined) throw new Error('envelope thread: a slot outside of a job');
  const view = new Uint8Array(current.shared, slot * ring.slotBytes, bytes);
  const refused = !current.writer.ok || current.writer.value.write(view) !== undefined;
  wipe(view);
  return { refused };
}

function endValues(complete: boolean): void {
  if (current === undefined) throw new Error('envelope thread: an end outside of a job');
  const sealing = current;
  current = undefined;
  const { writer } = sealing;
  if (complete || !writer.ok) {
    sealing.answer(writer.ok ? writer.value.finish() : writer);
    return;
  }
  writer.value.abandon();
  sealing.answer(undefined);
}

serveThread(answer, { endOnThrow: true });
