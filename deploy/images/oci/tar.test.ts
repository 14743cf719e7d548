import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTar, type TarEntry } from './read-tar.ts';
import { type TreeEntry, textEntry, wholeTree } from './tree.ts';
import { writeTar } from './write-tar.ts';

async function packed(entries: readonly TreeEntry[]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of writeTar(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Read in pieces of `pieceBytes`, which need not meet the blocks of the archive. */
async function read(tar: Buffer, pieceBytes = tar.byteLength) {
  const contents = new Map<TarEntry, Buffer>();
  const pieces: Buffer[] = [];
  for (let at = 0; at < tar.byteLength; at += pieceBytes) pieces.push(tar.subarray(at, at + pieceBytes));
  const found: (TarEntry & { text: string })[] = [];
  const onBytes = (entry: TarEntry, bytes: Buffer) => {
    contents.set(entry, Buffer.concat([contents.get(entry) ?? Buffer.alloc(0), bytes]));
  };
  for await (const entry of readTar(pieces, onBytes)) {
    found.push({ ...entry, text: contents.get(entry)?.toString('utf8') ?? '' });
  }
  return found;
}

const long = `${'d'.repeat(90)}/${'é'.repeat(70)}`;
const tree: readonly TreeEntry[] = [
  textEntry('b/a', 'alpha'),
  textEntry(long, 'of a long name'),
  textEntry('b/empty', ''),
  { kind: 'file', path: 'b/run', mode: 0o755, content: Buffer.alloc(1_025, 'x') },
  { kind: 'folder', path: 'data', mode: 0o700, owner: 65_532 },
  { kind: 'link', path: 'lib', mode: 0o777, target: `b/${'t'.repeat(120)}` },
];

describe('a tar archive of ours', () => {
  it.each([1, 511, 512, 10_240])('is read back as it was, in pieces of %d bytes', async (pieceBytes) => {
    const entries = await read(await packed(tree), pieceBytes);
    expect(entries.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'folder b',
      'file b/a',
      'file b/empty',
      'file b/run',
      'folder data',
      `folder ${'d'.repeat(90)}`,
      `file ${long}`,
      'link lib',
    ]);
    const by = new Map(entries.map((entry) => [entry.path, entry]));
    expect(by.get('b/a')).toMatchObject({ text: 'alpha', mode: 0o644, uid: 0, gid: 0, mtime: 0 });
    expect(by.get('b/run')).toMatchObject({ text: 'x'.repeat(1_025), mode: 0o755 });
    expect(by.get('data')).toMatchObject({ mode: 0o700, uid: 65_532, gid: 65_532 });
    expect(by.get('lib')?.target).toBe(`b/${'t'.repeat(120)}`);
  });

  it('has the same bytes in whatever order its entries come', async () => {
    const forwards = await packed(tree);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...tree], { minLength: tree.length }), async (shuffled) => {
        expect((await packed(shuffled)).equals(forwards)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('is read by tar itself', async () => {
    const listed = execFileSync('tar', ['--list', '--file', '-'], { input: await packed(tree), encoding: 'utf8' });
    expect(listed.split('\n').filter((line) => line.length < 10)).toEqual([
      'b/',
      'b/a',
      'b/empty',
      'b/run',
      'data/',
      'lib',
      '',
    ]);
  });

  it('is refused by its reader when a header is flipped or the end is missing', async () => {
    const tar = await packed([textEntry('a', 'alpha')]);
    const flipped = Buffer.from(tar);
    flipped[0] = 'b'.charCodeAt(0);
    await expect(read(flipped)).rejects.toThrow('the checksum of a header is wrong');
    await expect(read(tar.subarray(0, 700))).rejects.toThrow('ends too early');
  });
});

describe('a tree', () => {
  it('has each path once, and refuses two files of one name', () => {
    expect(wholeTree([textEntry('a/b', ''), textEntry('a/c', '')]).map(({ path }) => path)).toEqual([
      'a',
      'a/b',
      'a/c',
    ]);
    expect(() => wholeTree([textEntry('a', '1'), textEntry('a', '2')])).toThrow('two entries for a');
  });
});
