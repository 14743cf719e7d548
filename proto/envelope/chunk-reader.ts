/**
 * Reads exact amounts from pieces of any size. Memory: one buffer as large as the largest `read`, and the piece that
 * the source gave last. The bytes of a `read` are only good until the next one.
 */
export type ChunkReader = Readonly<{
  /** The next `length` bytes; fewer only where the source ends. */
  read(length: number): Promise<Uint8Array>;
  /** Whether the source has ended: nothing but empty pieces is left. */
  ended(): Promise<boolean>;
  /** Tells the source that no more is wanted and drops what is held. */
  close(): Promise<void>;
}>;

export function chunkReader(source: AsyncIterable<Uint8Array>): ChunkReader {
  const pieces = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  let isDone = false;
  let gathered: Uint8Array = new Uint8Array(0);

  async function more(): Promise<boolean> {
    while (rest.byteLength === 0 && !isDone) {
      const step = await pieces.next();
      if (step.done === true) isDone = true;
      else rest = step.value;
    }
    return rest.byteLength > 0;
  }

  return {
    async read(length) {
      if ((await more()) && rest.byteLength >= length) {
        const whole = rest.subarray(0, length); // No copy where the source's pieces are large enough.
        rest = rest.subarray(length);
        return whole;
      }
      if (gathered.byteLength < length) gathered = new Uint8Array(length);
      let filled = 0;
      while (filled < length && (await more())) {
        const taken = rest.subarray(0, length - filled);
        gathered.set(taken, filled);
        filled += taken.byteLength;
        rest = rest.subarray(taken.byteLength);
      }
      return gathered.subarray(0, filled);
    },
    ended: async () => !(await more()),
    async close() {
      gathered.fill(0);
      rest = new Uint8Array(0);
      if (!isDone) await pieces.return?.();
      isDone = true;
    },
  };
}
