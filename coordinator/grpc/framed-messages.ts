import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** gRPC's before each message: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const frameBytes = 5;

/** What goes out, by the message in it, which is a view of it. */
const framed = new WeakMap<Buffer, Buffer>();

/** An encoded message in memory of its own that is sent without another copy, as often as it is, by calls that `sendAsFramed`. */
export function framedMessage(encoded: Uint8Array): Buffer {
  // Node puts small copies into blocks of 8 KiB that they share: a short message that is kept would keep all of its block.
  const whole = Buffer.allocUnsafeSlow(frameBytes + encoded.byteLength);
  whole.writeUInt8(0, 0);
  whole.writeUInt32BE(encoded.byteLength, 1);
  whole.set(encoded, frameBytes);
  const message = whole.subarray(frameBytes);
  framed.set(message, whole);
  return message;
}

/**
 * grpc-js copies each message behind its frame: a model to a cohort of twenty, twenty times. Lets a call send framed messages
 * as they are; a build of grpc-js that frames elsewhere fails here, at the first call.
 */
export function sendAsFramed(call: ServerInterceptingCallInterface): void {
  const hidden = call as unknown as { serializeMessage(message: unknown): Buffer };
  const serialize = hidden.serializeMessage.bind(call);
  hidden.serializeMessage = (message) => framed.get(message as Buffer) ?? serialize(message);
}
