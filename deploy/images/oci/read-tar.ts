import { blockBytes, checksumOf, type Field, fields, paddingOf, typeFlags } from './tar-format.ts';

/** What a tar archive says of one entry. `path` without `./` before or `/` behind it; `target` of links. */
export type TarEntry = Readonly<{
  path: string;
  kind: 'file' | 'hardLink' | 'link' | 'folder' | 'other';
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Seconds since 1970. */
  mtime: number;
  target: string;
}>;

/**
 * Reads a tar archive from its bytes, whatever pieces they come in. `onBytes` gets the content of files piece by piece,
 * before the next entry is yielded. Throws on a header whose checksum is wrong, and on an archive that ends too early.
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onBytes: (entry: TarEntry, bytes: Buffer) => void,
): AsyncGenerator<TarEntry> {
  const input = new Pieces(source);
  let pax: Readonly<Record<string, string>> = {};
  for (;;) {
    const header = await input.exactly(blockBytes);
    if (header.every((byte) => byte === 0)) break; // The end; a second block of zeros follows.
    const size = octal(header, 'size');
    if (octal(header, 'checksum') !== checksumOf(header)) throw new Error('tar: the checksum of a header is wrong');
    const type = textOf(header, 'type');
    if (type === typeFlags.pax) {
      pax = paxRecords(await input.exactly(size));
      await input.exactly(paddingOf(size));
      continue;
    }
    const entry = entryOf(header, type, size, pax);
    pax = {};
    for (let left = size; left > 0; ) {
      const bytes = await input.upTo(left);
      left -= bytes.byteLength;
      onBytes(entry, bytes);
    }
    await input.exactly(paddingOf(size));
    if (type !== typeFlags.paxGlobal) yield entry;
  }
  await input.drain();
}

function entryOf(header: Buffer, type: string, size: number, pax: Readonly<Record<string, string>>): TarEntry {
  const prefix = textOf(header, 'magic').startsWith('ustar') ? textOf(header, 'prefix') : '';
  const name = textOf(header, 'name');
  const path = pax.path ?? (prefix === '' ? name : `${prefix}/${name}`);
  return {
    path: path.replace(/^\.?\//, '').replace(/\/$/, ''),
    kind: kinds[type] ?? 'other',
    mode: octal(header, 'mode') & 0o7777,
    uid: octal(header, 'uid'),
    gid: octal(header, 'gid'),
    size,
    mtime: octal(header, 'mtime'),
    target: pax.linkpath ?? textOf(header, 'linkName'),
  };
}

const kinds: Readonly<Record<string, TarEntry['kind']>> = {
  [typeFlags.file]: 'file',
  '': 'file', // As tar before POSIX wrote it.
  [typeFlags.hardLink]: 'hardLink',
  [typeFlags.link]: 'link',
  [typeFlags.folder]: 'folder',
};

function textOf(header: Buffer, field: Field): string {
  const [at, length] = fields[field];
  const bytes = header.subarray(at, at + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString('utf8');
}

function octal(header: Buffer, field: Field): number {
  const text = textOf(header, field).trim();
  if (!/^[0-7]*$/.test(text)) throw new Error(`tar: ${field} is no octal number: ${JSON.stringify(text)}`);
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function paxRecords(body: Buffer): Record<string, string> {
  const records: Record<string, string> = {};
  for (let at = 0; at < body.byteLength; ) {
    const blank = body.indexOf(0x20, at);
    const length = Number(body.subarray(at, blank).toString('latin1'));
    if (blank === -1 || !Number.isSafeInteger(length) || length < 5) throw new Error('tar: a pax record is broken');
    const record = body.subarray(blank + 1, at + length - 1).toString('utf8');
    const equals = record.indexOf('=');
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return records;
}

/** Bytes by count out of pieces of any size. */
class Pieces {
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** At least one byte and at most so many. */
  async upTo(count: number): Promise<Buffer> {
    while (this.#held.byteLength === 0) this.#held = await this.#next();
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(taken.byteLength);
    return taken;
  }

  async exactly(count: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const piece = await this.upTo(left);
      pieces.push(piece);
      left -= piece.byteLength;
    }
    return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  }

  /** To the end of the source, so that whoever digests it on the way has seen all of it. */
  async drain(): Promise<void> {
    while (!(await this.#iterator.next()).done);
  }

  async #next(): Promise<Buffer> {
    const { done, value } = await this.#iterator.next();
    if (done) throw new Error('tar: the archive ends too early');
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}
