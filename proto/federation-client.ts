import { makeGenericClientConstructor } from '@grpc/grpc-js';
import { FederationClient, FederationService, type SubmitUpdateRequest } from './generated/testudo/v1/federation.ts';

/** SubmitUpdateRequest.chunk: field 2, length-delimited. */
const chunkTag = 0x12;

/** What clusters call, but that a chunk of an update is copied once into its message, and not three times. */
export const LeanFederationClient = makeGenericClientConstructor(
  {
    ...FederationService,
    submitUpdate: {
      ...FederationService.submitUpdate,
      requestSerialize: (request: SubmitUpdateRequest): Buffer =>
        request.part?.$case === 'chunk'
          ? chunkMessage(request.part.value)
          : FederationService.submitUpdate.requestSerialize(request),
    },
  },
  FederationClient.serviceName,
) as unknown as typeof FederationClient;

/** The bytes of a SubmitUpdateRequest that holds this chunk and nothing else: as the generated encoder makes them, which sets zeros and copies twice. */
export function chunkMessage(chunk: Uint8Array): Buffer {
  const head = [chunkTag];
  let length = chunk.byteLength;
  for (; length >= 0x80; length >>>= 7) head.push((length & 0x7f) | 0x80);
  head.push(length);
  const message = Buffer.allocUnsafe(head.length + chunk.byteLength);
  message.set(head);
  message.set(chunk, head.length);
  return message;
}
