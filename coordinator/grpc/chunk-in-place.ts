/** SubmitUpdateRequest.chunk: field 2, length-delimited. */
const chunkTag = 0x12;
const lengthBytesMax = 4;

/**
 * The chunk of a SubmitUpdateRequest that holds nothing else, as a view of the message: the generated decoder copies it,
 * which at full rate is a third of the coordinator's memory traffic. Undefined for every other message, which then takes
 * the generated decoder's way.
 */
export function chunkInPlace(message: Buffer): Buffer | undefined {
  if (message[0] !== chunkTag) return undefined;
  let length = 0;
  for (let at = 0; at < lengthBytesMax; at += 1) {
    const byte = message[1 + at];
    if (byte === undefined) return undefined;
    length |= (byte & 0x7f) << (7 * at);
    if (byte >= 0x80) continue;
    const start = 2 + at;
    return start + length === message.byteLength ? message.subarray(start) : undefined;
  }
  return undefined;
}

/** grpc-js's frame and ours around a chunk. */
const frameBytesMax = 5 + 1 + lengthBytesMax;
const releasedBytesMin = 65_536;

/**
 * Gives a large chunk's memory back now instead of at some later garbage collection: at full rate those let 100 MiB pile
 * up. Only of a chunk whose buffer holds its message and nothing else; it is empty afterwards.
 */
export function releaseChunk({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const alone = byteOffset <= frameBytesMax && byteOffset + byteLength === buffer.byteLength;
  if (alone && byteLength >= releasedBytesMin && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
