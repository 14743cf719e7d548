const lineBytesMax = 1_048_576;

/** Lines of a stream of bytes, the last one without newline included; undefined for one that is too long. Holds one. */
export async function* boundedLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let leaving = false;
  for await (const chunk of bytes) {
    const held = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = held.indexOf(10); end !== -1; end = held.indexOf(10, start)) {
      yield leaving ? undefined : held.toString('utf8', start, end);
      leaving = false;
      start = end + 1;
    }
    rest = held.subarray(start);
    if (rest.length > lineBytesMax) {
      leaving = true;
      rest = Buffer.alloc(0);
    }
  }
  if (leaving) yield undefined;
  else if (rest.length > 0) yield rest.toString('utf8');
}
