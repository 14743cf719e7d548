/** The thread behind EnvelopeWorker: does the jobs of envelope-protocol.ts, one after another. */
import { parentPort } from 'node:worker_threads';
import type { Result } from '../../../base/fault.ts';
import { wipe } from '../crypto/wipe.ts';
import { type EnvelopeReply, type EnvelopeRequest, ring } from './envelope-protocol.ts';
import { openSealWriter, type SealFaultCode, type SealWriter } from './seal-writer.ts';
import { openFileSync, sealFileSync } from './sealed-file.ts';

if (parentPort === null) throw new Error('envelope-thread.ts runs as a worker thread; start it with EnvelopeWorker');
const port = parentPort;

/** The values being sealed. */
let current: { shared: SharedArrayBuffer; writer: Result<SealWriter, SealFaultCode> } | undefined;

function answer(request: EnvelopeRequest): EnvelopeReply | undefined {
  switch (request.kind) {
    case 'sealFile':
      return { kind: 'sealed', result: sealFileSync(request.job) };
    case 'openFile':
      try {
        return { kind: 'opened', result: openFileSync(request.job) };
      } finally {
        wipe(request.job.round.secretKey); // This thread's copy.
      }
    case 'sealValues':
      current = { shared: request.shared, writer: openSealWriter(request.target) };
      return undefined;
    case 'slot':
      return takeSlot(request.slot, request.bytes);
    case 'valuesEnd':
      return endValues(request.complete);
  }
}

function takeSlot(slot: number, bytes: number): EnvelopeReply {
  if (current === undefined) throw new Error('envelope thread: a slot outside of a job');
  const view = new Uint8Array(current.shared, slot * ring.slotBytes, bytes);
  const refused = !current.writer.ok || current.writer.value.write(view) !== undefined;
  wipe(view);
  return { kind: 'slotFree', slot, refused };
}

function endValues(complete: boolean): EnvelopeReply {
  if (current === undefined) throw new Error('envelope thread: an end outside of a job');
  const { writer } = current;
  current = undefined;
  if (!writer.ok) return { kind: 'sealed', result: writer };
  if (complete) return { kind: 'sealed', result: writer.value.finish() };
  writer.value.abandon();
  return { kind: 'abandoned' };
}

port.on('message', (request: EnvelopeRequest) => {
  const reply = answer(request);
  if (reply !== undefined) port.postMessage(reply);
});
