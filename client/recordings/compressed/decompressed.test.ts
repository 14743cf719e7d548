import { randomBytes } from 'node:crypto';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompressed } from './decompressed.ts';

const checksummed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const noise = randomBytes(300_000);
/** Chunk sizes in bytes: fields fall on both sides of a border, or everything is in one. */
const sizes = [1, 7, 65_536, 2 ** 30];

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(
  bytes: Buffer,
  size = 65_536,
): Promise<Readonly<{ text: Buffer; code?: string; message?: string }>> {
  const parts: Uint8Array[] = [];
  try {
    for await (const part of decompressed(chunksOf(bytes, size))) parts.push(part);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { text: Buffer.concat(parts), ...(code !== undefined && { code }), message };
  }
  return { text: Buffer.concat(parts) };
}

function skippable(content: Buffer, kind = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + kind, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

describe('decompressed', () => {
  it.each(sizes)('reads all gzip members and all zstd frames in order, in chunks of %i', async (size) => {
    const large = noise.subarray(0, size * 1_000);
    const texts = [Buffer.from('first\n'.repeat(1_000)), large, Buffer.alloc(0), Buffer.from('second\n'), large];
    const packers = [
      (text: Buffer) => gzipSync(text),
      (text: Buffer) => zstdCompressSync(text),
      (text: Buffer) => zstdCompressSync(text, checksummed),
    ];
    for (const pack of packers) {
      const { text, ...rest } = await read(Buffer.concat(texts.map(pack)), size);
      expect(rest).toEqual({});
      expect(text.equals(Buffer.concat(texts))).toBe(true);
    }
  });

  it.each(sizes)('passes skippable frames over, before, between and behind others, in chunks of %i', async (size) => {
    const [one, two] = [zstdCompressSync('one\n'), zstdCompressSync('two\n')];
    const bytes = Buffer.concat([
      skippable(Buffer.from([1, 2, 3, 4])),
      one,
      skippable(Buffer.alloc(0), 7),
      skippable(one, 15),
      two,
      skippable(randomBytes(100_000)),
    ]);
    expect(await read(bytes, size)).toEqual({ text: Buffer.from('one\ntwo\n') });
    expect(await read(skippable(one), size)).toEqual({ text: Buffer.alloc(0) });
  });

  it('says of zstd as of gzip that data end too early, wherever they do, after what is there', async () => {
    const lines = Buffer.from('a line\n'.repeat(40));
    const zipped = gzipSync(lines);
    const cut = { code: 'Z_BUF_ERROR', message: 'unexpected end of file' };
    for (let end = 2; end < zipped.length; end++) expect(await read(zipped.subarray(0, end))).toMatchObject(cut);
    const [frame, sized] = [zstdCompressSync(lines, checksummed), zstdCompressSync(lines)];
    for (const bytes of [frame, sized]) {
      for (let end = 2; end < bytes.length; end++) expect(await read(bytes.subarray(0, end))).toMatchObject(cut);
      for (let end = 1; end < bytes.length; end++) {
        const { text, ...rest } = await read(Buffer.concat([frame, bytes.subarray(0, end)]));
        expect(rest).toEqual(cut);
        expect(text.subarray(0, lines.length)).toEqual(lines);
      }
    }
    const inSkipped = skippable(lines).subarray(0, 20);
    expect(await read(Buffer.concat([frame, inSkipped]))).toEqual({ text: lines, ...cut });
    const half = await read(zstdCompressSync(noise).subarray(0, 200_000));
    expect(half.code).toBe('Z_BUF_ERROR');
    expect(half.text.length).toBeGreaterThanOrEqual(128 * 1_024);
    expect(half.text.equals(noise.subarray(0, half.text.length))).toBe(true);
  });

  it('says that a frame is damaged, or followed by something else; zeros are padding, as behind gzip', async () => {
    const frame = zstdCompressSync('text\n', checksummed);
    const damaged = Buffer.from(frame);
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    expect((await read(damaged)).code).toMatch(/^ZSTD_error/);
    const text = Buffer.from('text\n');
    expect(await read(Buffer.concat([frame, Buffer.from('more')]))).toEqual({
      text,
      ...{ code: 'ZSTD_error_prefix_unknown', message: 'what follows a zstd frame is no zstd frame' },
    });
    for (const pack of [frame, gzipSync(text)])
      for (const zeros of [1, 512, 1_023])
        expect(await read(Buffer.concat([pack, Buffer.alloc(zeros)]))).toEqual({ text });
  });

  it('says that gzip data are damaged, with what helps', async () => {
    const zipped = gzipSync('text\n');
    const checked = Buffer.from(zipped);
    checked[zipped.length - 8] = (checked[zipped.length - 8] as number) ^ 1;
    const counted = Buffer.from(zipped);
    counted[zipped.length - 1] = (counted[zipped.length - 1] as number) ^ 1;
    const named = gzipSync('text\n');
    named[3] = 4 + 8 + 16 + 2; // Extra fields, a name, a comment and a check of the head, as other packers write them.
    const more = Buffer.from('\x03\0abcname\0comment\0\0\0', 'latin1');
    const withAll = Buffer.concat([named.subarray(0, 10), more, named.subarray(10)]);
    for (const size of sizes) expect(await read(withAll, size)).toEqual({ text: Buffer.from('text\n') });
    const junk = ['more', 'm', '\0\0more', '\x1f\x8bmore than a head of it'].map((text) => Buffer.from(text, 'latin1'));
    const followed = junk.map((text) => Buffer.concat([zipped, text]));
    // What the member holds is handed on before anything is made of what follows it.
    for (const bytes of followed)
      for (const size of sizes) expect((await read(bytes, size)).text.toString()).toBe('text\n');
    for (const bytes of [checked, counted, ...followed]) {
      const { code, message } = await read(bytes);
      expect(code).toBe('Z_DATA_ERROR');
      expect(message).toMatch(
        /^the packed data are damaged, or something else follows them \((?:incorrect|unknown) .*\): copy the/,
      );
    }
  });

  it.each([
    ['BZh91AY&SY', /packed by bzip2.*bunzip2/],
    ['\xfd7zXZ\0', /packed by xz.*unxz/],
    ['\x04\x22\x4d\x18', /packed by lz4/],
    ['PK\x03\x04', /packed by zip/],
    ['7z\xbc\xaf\x27\x1c', /packed by 7-Zip/],
    ['PAR1', /Parquet.*export/],
    ['\xff\xfea\0', /UTF-16.*iconv/],
    ['\xfe\xff\0a', /UTF-16.*iconv/],
  ])('names what it does not read, and hands on nothing of it: %j', async (head, said) => {
    for (const size of sizes) {
      const { text, message } = await read(Buffer.from(`${head} and more`, 'latin1'), size);
      expect(text).toHaveLength(0);
      expect(message).toMatch(said);
    }
  });

  it('leaves text as it is', async () => {
    for (const text of ['', '(', '(µ', 'a\n', 'plain text\n', 'BZh', 'BZhave\n', 'PK,x\n', '\ufeffa\n'])
      for (const size of sizes) expect(await read(Buffer.from(text), size)).toEqual({ text: Buffer.from(text) });
  });
});
