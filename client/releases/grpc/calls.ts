import { Metadata } from '@grpc/grpc-js';
import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import { type CallFaultCode, deadlineIn, hearStream, unary } from '../../../proto/call.ts';
import { takenEncodings } from '../../../proto/chunk-encoding.ts';
import type { ReleasesClient, SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import type { ReleaseCalls, ReleaseMessage } from '../release-calls.ts';
import { acknowledgeRequest, shadowRequest } from './report-wire.ts';
import { unpackedPieces } from './unpacked-pieces.ts';

/** Releases over a client of the contract's service. */
export function callsOf(client: ReleasesClient): ReleaseCalls {
  return {
    subscribe: (request, options) => subscribe(client, request, options),
    fetch: (request) => unpackedPieces(client.fetchFile({ ...request, encodings: [...takenEncodings] })),
    acknowledge: (report, signature, { timeoutMs, signal }) =>
      sequenceOf(signal, (callback) => {
        const limits = { deadline: deadlineIn(timeoutMs) };
        return client.acknowledge(acknowledgeRequest(report, signature), new Metadata(), limits, callback);
      }),
    reportShadow: (report, signature, { timeoutMs, signal }) =>
      sequenceOf(signal, (callback) => {
        const limits = { deadline: deadlineIn(timeoutMs) };
        return client.reportShadow(shadowRequest(report, signature), new Metadata(), limits, callback);
      }),
  };
}

function subscribe(
  client: ReleasesClient,
  { tracks, rootVersion }: Parameters<ReleaseCalls['subscribe']>[0],
  { signal, onMessage }: Parameters<ReleaseCalls['subscribe']>[1],
): Promise<Fault> {
  return hearStream(
    () => client.subscribe({ tracks: [...tracks], rootVersion }),
    { signal, onMessage: (message) => onMessage(messageOf(message)) },
    refuse('SUBSCRIBE_ENDED', 'the coordinator ended the stream').fault,
  );
}

function messageOf({ labels, ...received }: SubscribeResponse): ReleaseMessage {
  return { received, labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])) };
}

async function sequenceOf(
  signal: AbortSignal,
  start: Parameters<typeof unary<{ sequence: bigint }>>[0],
): Promise<Result<number, CallFaultCode>> {
  const answered = await unary(start, signal);
  return answered.ok ? ok(Number(answered.value.sequence)) : answered;
}
