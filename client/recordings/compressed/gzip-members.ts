/**
 * The members of gzip data, one after another: RFC 1952. Node's gunzip goes from one to the next by itself, and where something else
 * follows it forgets what it unpacked since it was last asked: all of a small file. Here each member ends before anything is made of
 * what follows.
 */
import { crc32, createInflateRaw } from 'node:zlib';

const magic = [0x1f, 0x8b] as const;
const headBytes = 10;
const flags = { headChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

/** Whether bytes begin as gzip's do. */
export function isGzip(head: Uint8Array): boolean {
  return magic.every((byte, at) => head[at] === byte);
}

/**
 * What the members hold, as it is unpacked; zeros behind them are padding. Throws after everything that is there, with zlib's codes:
 * Z_BUF_ERROR where the data end too early, Z_DATA_ERROR where they are damaged or something else follows.
 */
export async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new Input(source);
  while (true) {
    await skipHead(input);
    let [checksum, length] = [0, 0];
    for await (const piece of inflated(input)) {
      checksum = crc32(piece, checksum);
      length = (length + piece.length) % 2 ** 32;
      yield piece;
    }
    const trailer = await input.take(8);
    if (trailer.readUInt32LE(0) !== checksum) throw damaged('incorrect data check');
    if (trailer.readUInt32LE(4) !== length) throw damaged('incorrect length check');
    await input.skipZeros();
    if (await input.isAtEnd()) return;
  }
}

async function skipHead(input: Input): Promise<void> {
  // A byte at a time: of something else there may be less than a head.
  for (const byte of magic) if ((await input.take(1))[0] !== byte) throw damaged('incorrect header check');
  const [method = 0, set = 0] = await input.take(headBytes - magic.length);
  if (method !== 8) throw damaged('unknown compression method');
  if ((set & flags.reserved) !== 0) throw damaged('unknown header flags set');
  if ((set & flags.extra) !== 0) await input.take((await input.take(2)).readUInt16LE(0));
  for (const text of [flags.name, flags.comment]) if ((set & text) !== 0) await input.skipText();
  if ((set & flags.headChecksum) !== 0) await input.take(2);
}

/** One member's data. What follows them is given back to the input. */
async function* inflated(input: Input): AsyncGenerator<Buffer> {
  const inflate = createInflateRaw();
  let output: Buffer[] = [];
  let fault: Error | undefined;
  inflate.on('data', (chunk: Buffer) => output.push(chunk));
  const closed = new Promise<void>((resolve) => {
    inflate.once('error', (error) => {
      fault = error;
      resolve();
    });
  });
  const ended = new Promise<void>((resolve) => void inflate.once('end', resolve));
  try {
    for (let given = 0; ; ) {
      const chunk = await input.next();
      if (chunk === undefined) throw cut();
      given += chunk.length;
      await Promise.race([closed, new Promise((resolve) => inflate.write(chunk, resolve))]);
      // What it does not take comes after its end. Its end itself is not told while nothing follows, and a check always does.
      const left = given - inflate.bytesWritten;
      if (left > 0) await Promise.race([closed, ended]);
      const ready = output;
      output = [];
      yield* ready;
      if (fault !== undefined) throw fault;
      if (left > 0) {
        input.giveBack(chunk.subarray(chunk.length - left));
        return;
      }
    }
  } finally {
    inflate.destroy();
  }
}

/** Bytes of a stream, so many or as they come. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** What there is, at least a byte; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    while (this.#held.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#held = next.value;
    }
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    return held;
  }

  giveBack(bytes: Buffer): void {
    this.#held = bytes;
  }

  async isAtEnd(): Promise<boolean> {
    const next = await this.next();
    if (next !== undefined) this.giveBack(next);
    return next === undefined;
  }

  /** Exactly so many, which are few. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let missing = count; missing > 0; ) {
      const chunk = await this.next();
      if (chunk === undefined) throw cut();
      parts.push(chunk.subarray(0, missing));
      if (chunk.length > missing) this.giveBack(chunk.subarray(missing));
      missing -= Math.min(missing, chunk.length);
    }
    return Buffer.concat(parts);
  }

  /** Up to and with the zero that ends a text. */
  async skipText(): Promise<void> {
    for (;;) {
      const chunk = await this.next();
      if (chunk === undefined) throw cut();
      const end = chunk.indexOf(0);
      if (end === -1) continue;
      this.giveBack(chunk.subarray(end + 1));
      return;
    }
  }

  async skipZeros(): Promise<void> {
    for (;;) {
      const chunk = await this.next();
      if (chunk === undefined) return;
      const other = chunk.findIndex((byte) => byte !== 0);
      if (other === -1) continue;
      this.giveBack(chunk.subarray(other));
      return;
    }
  }
}

function cut(): Error {
  return Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' });
}

function damaged(what: string): Error {
  return Object.assign(new Error(what), { code: 'Z_DATA_ERROR' });
}
