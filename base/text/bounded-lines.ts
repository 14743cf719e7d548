/** Lines of a stream of bytes, the last one without newline included; undefined for one that is too long. Holds one. */
export async function* boundedLines(
  bytes: AsyncIterable<Uint8Array>,
  lineBytesMax?: number,
): AsyncGenerator<string | undefined> {
  for await (const lines of boundedLineBatches(bytes, lineBytesMax)) yield* lines;
}

/** As `boundedLines`, all lines of a chunk at a time. */
export async function* boundedLineBatches(
  bytes: AsyncIterable<Uint8Array>,
  lineBytesMax = 1_048_576,
): AsyncGenerator<readonly (string | undefined)[]> {
  /** Of the line that goes on, each piece longer than all after it: few, however it comes, and none is copied often. */
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let leaving = false;
  for await (const bytesOfChunk of bytes) {
    const chunk = Buffer.from(bytesOfChunk.buffer, bytesOfChunk.byteOffset, bytesOfChunk.byteLength);
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (!leaving) {
        const isWhole = begunBytes === 0;
        lines.push(
          isWhole
            ? chunk.toString('utf8', start, end)
            : Buffer.concat([...begun, chunk.subarray(start, end)]).toString('utf8'),
        );
      }
      leaving = false;
      [begun, begunBytes] = [[], 0];
      start = end + 1;
    }
    if (!leaving && start < chunk.length) {
      let piece = Buffer.from(chunk.subarray(start)); // A copy: whoever gave the chunk may use it again.
      for (let last = begun.at(-1); last !== undefined && last.length <= piece.length; last = begun.at(-1)) {
        piece = Buffer.concat([last, piece]);
        begun.pop();
      }
      begun.push(piece);
      begunBytes += chunk.length - start;
    }
    if (begunBytes > lineBytesMax) {
      lines.push(undefined); // At once: whoever goes no further then need not read on to its end, if it has one.
      leaving = true;
      [begun, begunBytes] = [[], 0];
    }
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [Buffer.concat(begun).toString('utf8')];
}
