import { open } from 'node:fs/promises';
import { FaultError, type Result, refuse } from '../../base/fault.ts';
import type { CallFaultCode } from '../../proto/call.ts';
import type { Receipt } from '../../proto/envelope/receipt.ts';
import { headerToWire } from '../../proto/envelope/wire.ts';
import type { SubmitUpdateRequest } from '../../proto/generated/testudo/v1/federation.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import type { KeptUpdate } from './outbox.ts';
import { receiptFor } from './receipt-for.ts';
import type { Carrier, RoundCalls } from './round-calls.ts';

export type DeliverOptions = Readonly<{
  sealedPath: string;
  receiptKey: Uint8Array;
  signal: AbortSignal;
  statusTimeoutMs: number;
  /** For the whole upload. */
  uploadTimeoutMs: number;
  /** Goes with every call. */
  carrier: Carrier;
  /** Bytes that went out in this attempt, for the metrics. */
  onSent: (bytes: number) => void;
}>;

/** OUTBOX_DAMAGED: what is kept here cannot be sent. RECEIPT_INVALID: the answer proves nothing. */
export type DeliverFaultCode = CallFaultCode | 'OUTBOX_DAMAGED' | 'RECEIPT_INVALID';

/** Delivers one sealed update: asks how much the coordinator holds, streams the rest and verifies the receipt. */
export async function deliver(
  calls: Pick<RoundCalls, 'status' | 'submit'>,
  kept: KeptUpdate,
  options: DeliverOptions,
): Promise<Result<Receipt, DeliverFaultCode>> {
  const { track, round, header } = kept;
  const { carrier, signal, receiptKey, statusTimeoutMs, uploadTimeoutMs } = options;
  const request = { track, round, payloadDigest: header.payload };
  const asked = await calls.status(request, { carrier, signal, timeoutMs: statusTimeoutMs });
  if (!asked.ok) return asked;
  if (asked.value.receipt !== undefined) return receiptFor(header, asked.value.receipt, receiptKey);
  const { receivedBytes } = asked.value;
  if (receivedBytes > BigInt(header.payloadBytes)) {
    return refuse('OFFSET_MISMATCH', `the coordinator claims ${receivedBytes} of ${header.payloadBytes} bytes`);
  }
  try {
    const parts = partsOf(kept, Number(receivedBytes), options);
    const sent = await calls.submit(parts, { carrier, signal, timeoutMs: uploadTimeoutMs });
    return sent.ok ? receiptFor(header, sent.value.receipt, receiptKey) : sent;
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault };
    throw error;
  }
}

/** The header, then the sealed bytes from the offset on, one chunk at a time. Throws OUTBOX_DAMAGED. */
async function* partsOf(
  { header, signature }: KeptUpdate,
  offset: number,
  { sealedPath, onSent }: DeliverOptions,
): AsyncGenerator<NonNullable<SubmitUpdateRequest['part']>> {
  const file = await open(sealedPath, 'r').catch(() => {
    throw damaged('cannot be opened');
  });
  try {
    const { size } = await file.stat();
    if (size !== header.payloadBytes) throw damaged('has another size than its header says');
    yield { $case: 'header', value: headerToWire(header, signature, offset) };
    for (let position = offset; position < header.payloadBytes; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, header.payloadBytes - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position).catch(() => {
        throw damaged('cannot be read');
      });
      if (bytesRead === 0) throw damaged('became shorter while it was read');
      yield { $case: 'chunk', value: chunk.subarray(0, bytesRead) };
      position += bytesRead;
      onSent(bytesRead);
    }
  } finally {
    await file.close();
  }
}

function damaged(what: string): FaultError<'OUTBOX_DAMAGED'> {
  return new FaultError(refuse('OUTBOX_DAMAGED', `the kept update ${what}: it is dropped and trained again`).fault);
}
