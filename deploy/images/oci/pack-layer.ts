import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { makeFolder } from '../../../base/atomic-file.ts';
import { Passing } from './passing.ts';
import { digestOfTree, type TreeEntry } from './tree.ts';
import { writeTar } from './write-tar.ts';

/** A packed layer: `digest` of its gzip file at `file`, `diffId` of the tar inside, both `sha256:…`; sizes in bytes. */
export type PackedLayer = Readonly<{
  digest: string;
  diffId: string;
  size: number;
  unpackedBytes: number;
  file: string;
}>;

/** Part of every layer's key: what is packed otherwise must not be found under an old one. Counted up by hand. */
const packing = { format: 1, level: 6, zlib: process.versions.zlib } as const;

/**
 * Packs a tree into `cache`, or finds it there: the same tree is packed once. Node writes no name and no time into gzip's
 * header, so the bytes depend on the tree and on the zlib of this Node alone.
 */
export async function packLayer(entries: readonly TreeEntry[], cache: string): Promise<PackedLayer> {
  const key = createHash('sha256')
    .update(JSON.stringify([packing, await digestOfTree(entries)]))
    .digest('hex');
  const place = join(cache, key.slice(0, 32));
  const found = await readPacked(place);
  if (found !== undefined) return found;
  makeFolder(dirname(place));
  const fresh = await mkdtemp(`${place}.`);
  try {
    const { file, ...packed } = await pack(entries, join(fresh, 'layer.tar.gz'));
    await writeFile(join(fresh, 'layer.json'), JSON.stringify(packed));
    await rename(fresh, place).catch(ignoreTaken); // Somebody else packed the same tree meanwhile.
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  const packed = await readPacked(place);
  if (packed === undefined) throw new Error(`image: the packed layer ${place} vanished; build again`);
  return packed;
}

async function readPacked(place: string): Promise<PackedLayer | undefined> {
  try {
    const packed = JSON.parse(await readFile(join(place, 'layer.json'), 'utf8')) as Omit<PackedLayer, 'file'>;
    return { ...packed, file: join(place, 'layer.tar.gz') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function pack(entries: readonly TreeEntry[], file: string): Promise<PackedLayer> {
  const [inside, outside] = [new Passing(), new Passing()];
  await pipeline(
    gathered(writeTar(entries)),
    inside.step(),
    createGzip({ level: packing.level, chunkSize: 1 << 20 }),
    outside.step(),
    createWriteStream(file, { flush: true }),
  );
  return {
    digest: outside.digest(),
    diffId: inside.digest(),
    size: outside.bytes,
    unpackedBytes: inside.bytes,
    file,
  };
}

/** The same bytes in pieces of a megabyte: a tar comes in thousands of blocks, and each would be a call of its own to zlib. */
async function* gathered(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.byteLength;
    if (bytes < 1 << 20) continue;
    yield Buffer.concat(waiting);
    [waiting, bytes] = [[], 0];
  }
  yield Buffer.concat(waiting);
}

function ignoreTaken(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
}
