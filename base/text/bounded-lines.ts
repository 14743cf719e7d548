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
  let rest: Buffer = Buffer.alloc(0);
  let leaving = false;
  for await (const chunk of bytes) {
    const held = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = held.indexOf(10); end !== -1; end = held.indexOf(10, start)) {
      if (!leaving) lines.push(held.toString('utf8', start, end));
      leaving = false;
      start = end + 1;
    }
    rest = leaving ? Buffer.alloc(0) : held.subarray(start);
    if (rest.length > lineBytesMax) {
      lines.push(undefined); // At once: whoever goes no further then need not read on to its end, if it has one.
      leaving = true;
      rest = Buffer.alloc(0);
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [rest.toString('utf8')];
}
