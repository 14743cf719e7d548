import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { ClientWritableStream, Metadata } from '@grpc/grpc-js';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { deadlineIn, faultOfError, unary } from '../../proto/call.ts';
import type { Receipt } from '../../proto/envelope/receipt.ts';
import { headerToWire } from '../../proto/envelope/wire.ts';
import type {
  FederationClient,
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  UploadStatusResponse,
} from '../../proto/generated/testudo/v1/federation.ts';
import { chunkBytes } from '../../proto/wire-names.ts';
import type { KeptUpdate } from './outbox.ts';
import { receiptFor } from './receipt-for.ts';

export type DeliverOptions = Readonly<{
  sealedPath: string;
  receiptKey: Uint8Array;
  signal: AbortSignal;
  statusTimeoutMs: number;
  /** For the whole upload. */
  uploadTimeoutMs: number;
  /** Goes with every call. */
  metadata: Metadata;
  /** Bytes that went out in this attempt, for the metrics. */
  onSent: (bytes: number) => void;
}>;

/**
 * Delivers one sealed update: asks how much the coordinator holds, streams the rest and verifies the receipt. Holds at
 * most one chunk plus what grpc-js buffers (16 messages of 256 KiB), because it waits for 'drain'.
 */
export async function deliver(
  client: FederationClient,
  kept: KeptUpdate,
  options: DeliverOptions,
): Promise<Result<Receipt>> {
  const { track, round, header } = kept;
  const asked = await unary<UploadStatusResponse>((callback) => {
    const request = { track, round, payloadDigest: header.payload };
    return client.uploadStatus(request, options.metadata, { deadline: deadlineIn(options.statusTimeoutMs) }, callback);
  }, options.signal);
  if (!asked.ok) return asked;
  if (asked.value.receipt !== undefined) return receiptFor(header, asked.value.receipt, options.receiptKey);
  const { receivedBytes } = asked.value;
  if (receivedBytes > BigInt(header.payloadBytes)) {
    return refuse('OFFSET_MISMATCH', `the coordinator claims ${receivedBytes} of ${header.payloadBytes} bytes`);
  }
  const sent = await stream(client, kept, Number(receivedBytes), options);
  return sent.ok ? receiptFor(header, sent.value.receipt, options.receiptKey) : sent;
}

async function stream(
  client: FederationClient,
  kept: KeptUpdate,
  offset: number,
  options: DeliverOptions,
): Promise<Result<SubmitUpdateResponse>> {
  let call: ClientWritableStream<SubmitUpdateRequest> | undefined;
  const answered = new Promise<Result<SubmitUpdateResponse>>((resolve) => {
    call = client.submitUpdate(
      options.metadata,
      { deadline: deadlineIn(options.uploadTimeoutMs) },
      (error, response) => {
        resolve(error === null ? ok(response) : { ok: false, fault: faultOfError(error) });
      },
    );
  });
  const upload = call as unknown as ClientWritableStream<SubmitUpdateRequest>;
  const abort = () => upload.cancel();
  options.signal.addEventListener('abort', abort, { once: true });
  if (options.signal.aborted) abort();
  // The answer may come before the last chunk: a refusal must end the writing, not hang in 'drain'.
  const ended = answered.then(() => 'ended' as const);
  try {
    const fault = await writeParts(upload, kept, offset, options, ended);
    if (fault !== undefined) {
      upload.cancel();
      await answered;
      return { ok: false, fault };
    }
    upload.end();
    return await answered;
  } finally {
    options.signal.removeEventListener('abort', abort);
  }
}

async function writeParts(
  upload: ClientWritableStream<SubmitUpdateRequest>,
  kept: KeptUpdate,
  offset: number,
  options: DeliverOptions,
  ended: Promise<'ended'>,
): Promise<Fault | undefined> {
  let over = false;
  const stop = ended.then((word) => {
    over = true;
    return word;
  });
  const write = async (part: SubmitUpdateRequest['part']) => {
    if (!upload.write({ part })) await Promise.race([once(upload, 'drain').catch(() => undefined), stop]);
  };
  const { header, signature } = kept;
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(options.sealedPath, 'r');
  } catch {
    return damaged('cannot be opened');
  }
  try {
    if ((await file.stat()).size !== header.payloadBytes) return damaged('has another size than its header says');
    await write({ $case: 'header', value: headerToWire(header, signature, offset) });
    for (let position = offset; position < header.payloadBytes && !over; ) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, header.payloadBytes - position));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return damaged('became shorter while it was read');
      await write({ $case: 'chunk', value: chunk.subarray(0, bytesRead) });
      position += bytesRead;
      options.onSent(bytesRead);
    }
    return undefined;
  } catch {
    return damaged('cannot be read');
  } finally {
    await file.close();
  }
}

function damaged(what: string): Fault<'OUTBOX_DAMAGED'> {
  return refuse('OUTBOX_DAMAGED', `the kept update ${what}: it is dropped and trained again`).fault;
}
