import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unwrap } from '../../../base/fault.ts';
import type { BuiltImage } from '../build.ts';
import type { PackedLayer } from '../oci/pack-layer.ts';
import { type LayerEntry, readLayer } from '../oci/read-oci.ts';
import { imageCache, markUsed } from '../places.ts';

const run = promisify(execFile);

/**
 * A container's root as a runtime makes it: the image's layers, stacked by an overlay, and a layer of the container's own above
 * them, in which the runtime makes mount points before it turns the root read-only. `close()` unmounts it. Needs root.
 */
export async function mountRoot(image: BuiltImage): Promise<Readonly<{ path: string; close(): Promise<void> }>> {
  const trees = (await unpackedLayers(image)).map(({ tree }) => tree);
  const folder = await mkdtemp(join(tmpdir(), 'testudo-root-'));
  const [path, upper, work] = ['root', 'upper', 'work'].map((name) => join(folder, name)) as [string, string, string];
  for (const name of [path, upper, work]) await mkdir(name);
  const lower = trees.reverse().join(':'); // The first one named lies uppermost.
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  await run('mount', ['-t', 'overlay', 'overlay', '-o', options, path]);
  return {
    path,
    close: async () => {
      await run('umount', [path]);
      await rm(folder, { recursive: true });
    },
  };
}

/** A layer as tar unpacked it into the folder `tree`, and as our own reader read the very bytes that tar was given. */
export type UnpackedLayer = Readonly<{ tree: string; entries: readonly LayerEntry[] }>;

/** Part of a cached layer's name: what is kept of one otherwise is not found under an old one. Counted up by hand. */
const format = 2;

/** An image's layers, lowest first. Each is read and unpacked once on this machine: it is kept in the cache by its diff id. */
export async function unpackedLayers({ layout, layers }: BuiltImage): Promise<UnpackedLayer[]> {
  const unpacked: UnpackedLayer[] = [];
  for (const { packed } of layers) unpacked.push((await kept(packed.diffId)) ?? (await unpack(layout, packed)));
  return unpacked;
}

async function kept(diffId: string): Promise<UnpackedLayer | undefined> {
  const place = placeOf(diffId);
  try {
    const entries = JSON.parse(await readFile(join(place, 'entries.json'), 'utf8')) as LayerEntry[];
    await markUsed(place);
    return { tree: join(place, 'tree'), entries };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Throws when the layer is not what its digest and its diff id say, and with what tar said when it refuses. */
async function unpack(layout: string, { digest, diffId }: PackedLayer): Promise<UnpackedLayer> {
  const { trees } = imageCache();
  await mkdir(trees, { recursive: true });
  const fresh = await mkdtemp(join(trees, 'new-'));
  try {
    const tree = join(fresh, 'tree');
    await mkdir(tree);
    const args = ['--extract', '--same-owner', '--preserve-permissions', '--file', '-', '--directory', tree];
    const tar = spawn('tar', args, { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = once(tar, 'exit');
    tar.stdin.on('error', () => {}); // Its exit code and its words say what was wrong.
    const read = await readLayer(layout, { digest }, diffId, (bytes) => copiedTo(tar.stdin, bytes));
    tar.stdin.end();
    const [code] = await ended;
    const entries = unwrap(read);
    if (code !== 0) throw new Error(`image: tar ended with ${code} on layer ${digest}`);
    await writeFile(join(fresh, 'entries.json'), JSON.stringify(entries));
    await rename(fresh, placeOf(diffId)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error; // Somebody else was faster.
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  const unpacked = await kept(diffId);
  if (unpacked === undefined) throw new Error(`image: the unpacked layer ${diffId} vanished; run again`);
  return unpacked;
}

async function* copiedTo(out: NodeJS.WritableStream, bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    await new Promise<void>((taken) => out.write(chunk, () => taken()));
    yield chunk;
  }
}

function placeOf(diffId: string): string {
  return join(imageCache().trees, `${format}-${diffId.slice('sha256:'.length, 'sha256:'.length + 32)}`);
}
