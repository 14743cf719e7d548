import { once } from 'node:events';
import { type ClientWritableStream, Metadata } from '@grpc/grpc-js';
import { ok, type Result } from '../../../base/fault.ts';
import { type CallFaultCode, deadlineIn, faultOfError, hungUpFault, unary } from '../../../proto/call.ts';
import type {
  FederationClient,
  FetchModelRequest,
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  UploadStatusRequest,
  UploadStatusResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import type { AlertsTold } from '../../alerts/alert-teller.ts';
import type { PieceStream } from '../../link/download.ts';
import type { SharedMap } from '../../tracks/shared-map.ts';
import type { CallOptions, Carrier, RoundCalls } from '../round-calls.ts';

export function fetchModel(client: FederationClient, request: FetchModelRequest, carrier: Carrier): PieceStream {
  return client.fetchModel(request, metadataOf(carrier));
}

export function uploadStatus(
  client: FederationClient,
  request: UploadStatusRequest,
  { carrier, timeoutMs, signal }: CallOptions,
): Promise<Result<UploadStatusResponse, CallFaultCode>> {
  const limits = { deadline: deadlineIn(timeoutMs) };
  return unary((callback) => client.uploadStatus(request, metadataOf(carrier), limits, callback), signal);
}

export function tellAlerts(
  client: FederationClient,
  { counts, sensors }: AlertsTold,
  { timeoutMs, signal }: CallOptions,
): Promise<Result<unknown, CallFaultCode>> {
  const rows = counts.map((one) => ({ ...one, hourMs: BigInt(one.hourMs), count: BigInt(one.count) }));
  const limits = { deadline: deadlineIn(timeoutMs) };
  return unary((callback) => client.tellAlerts({ counts: rows, sensors }, new Metadata(), limits, callback), signal);
}

export function tellMap(
  client: FederationClient,
  { fromMs, untilMs, newSinceMs, leftOff, ...rows }: SharedMap,
  { timeoutMs, signal }: CallOptions,
): Promise<Result<unknown, CallFaultCode>> {
  const counted = <Row extends Readonly<{ requests: number }>>(row: Row) => ({
    ...row,
    requests: BigInt(row.requests),
  });
  const request = {
    ...{ fromMs: BigInt(fromMs), untilMs: BigInt(untilMs), newSinceMs: BigInt(newSinceMs), leftOff },
    services: rows.services.map(counted),
    edges: rows.edges.map(counted),
    templates: rows.templates.map(counted),
  };
  const limits = { deadline: deadlineIn(timeoutMs) };
  return unary((callback) => client.tellMap(request, new Metadata(), limits, callback), signal);
}

/** Holds one part plus what grpc-js buffers (16 messages of 256 KiB), because it waits for 'drain'. */
export async function submitUpdate(
  client: FederationClient,
  parts: Parameters<RoundCalls['submit']>[0],
  { carrier, timeoutMs, signal }: CallOptions,
): Promise<Result<SubmitUpdateResponse, CallFaultCode>> {
  const { promise: answered, resolve } = Promise.withResolvers<Result<SubmitUpdateResponse, CallFaultCode>>();
  let upload: ClientWritableStream<SubmitUpdateRequest>;
  try {
    upload = client.submitUpdate(metadataOf(carrier), { deadline: deadlineIn(timeoutMs) }, (error, response) =>
      resolve(error === null ? ok(response) : { ok: false, fault: faultOfError(error) }),
    );
  } catch (error) {
    return { ok: false, fault: hungUpFault(error) };
  }
  const abort = () => upload.cancel();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  // The answer may come before the last part: a refusal must end the writing, not hang in 'drain'.
  let over = false;
  const ended = answered.then(() => {
    over = true;
  });
  try {
    for await (const part of parts) {
      if (over) break;
      if (!upload.write({ part })) await Promise.race([once(upload, 'drain').catch(() => undefined), ended]);
    }
    upload.end();
    return await answered;
  } catch (error) {
    upload.cancel();
    await answered;
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function metadataOf(carrier: Carrier): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(carrier)) metadata.set(name, value);
  return metadata;
}
