/**
 * Overwrites secrets with zeros. What this does not promise: JavaScript's engine, OpenSSL and tweetnacl may have copied
 * the bytes (a moved heap object, a register spill, a key schedule), the kernel may have swapped or dumped them, and
 * strings and KeyObjects cannot be wiped at all. It shortens how long a secret lies where we put it; nothing more.
 */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}

/**
 * Gives a chunk's memory back now instead of at some later garbage collection: detaches its ArrayBuffer, so that a long
 * loop over chunks holds one of them and not hundreds. The chunk must own its whole buffer; it is empty afterwards.
 */
export function release(chunk: Uint8Array): void {
  if (chunk.buffer instanceof ArrayBuffer && chunk.byteLength === chunk.buffer.byteLength) chunk.buffer.transfer(0);
}
