import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { makeFolder } from '../../base/atomic-file.ts';
import { jsonSchemas } from '../../cli/overview/wire-schemas.ts';
import { type LockedPackage, Lockfile } from '../../tools/packaging/lockfile.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { isRead, neverNeeded } from '../images/layers/package-layers.ts';
import { entriesBelow, type TreeEntry, textEntry } from '../images/oci/tree.ts';
import { writeTar } from '../images/oci/write-tar.ts';

/** A package for npm: its file, what is in it of others, and the hash by which it is known. */
export type Packed = Readonly<{
  file: string;
  version: string;
  /** As the package names its build: `testudo --version` says it after the version. */
  build: string;
  sha256: string;
  packages: readonly LockedPackage[];
}>;

type Manifest = Readonly<{
  name: string;
  version: string;
  build: string;
  dependencies: Readonly<Record<string, string>>;
}>;

/**
 * The built package as npm installs it, in the folder `out`: one archive that holds all it depends on, so that an install fetches
 * nothing, compiles nothing, and comes to the same files everywhere. Only what is loaded is in it of other packages: no
 * prose, types and tests. The same sources give the same bytes.
 */
export async function packPackage(dist: string, out: string): Promise<Packed> {
  makeFolder(out);
  const manifest = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as Manifest;
  const names = Object.keys(manifest.dependencies).sort();
  const packages = new Lockfile(checkout).closure(names, (path) => existsSync(join(checkout, path)), neverNeeded);
  const manual = await manualPages(join(out, 'man'));
  const entries: TreeEntry[] = [
    ...entriesBelow(dist, 'package', (path) => path !== 'package.json' && !path.startsWith('node_modules')),
    ...packages.flatMap(({ path, name }) =>
      entriesBelow(join(checkout, path), `package/${path}`, (file) => isRead(file) && !isSource(name, file)),
    ),
    ...[...jsonSchemas()].map(([verb, schema]) =>
      textEntry(`package/schemas/${verb.replaceAll(' ', '-')}.json`, `${JSON.stringify(schema, null, 2)}\n`),
    ),
    ...manual.map(({ name, text }) => textEntry(`package/man/${name}`, text)),
    textEntry(
      'package/package.json',
      `${JSON.stringify({ ...manifest, man: manual.map(({ name }) => `./man/${name}`), bundleDependencies: names }, null, 2)}\n`,
    ),
  ];
  const file = join(out, `${manifest.name}-${manifest.version}.tgz`);
  await pipeline(Readable.from(writeTar(entries)), createGzip(), createWriteStream(`${file}.new`));
  await rename(`${file}.new`, file);
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  return { file, version: manifest.version, build: manifest.build, sha256, packages };
}

/** What the command says of itself, as it stands in the sources; npm links it where `man` looks. `scratch`: a folder for it. */
async function manualPages(scratch: string): Promise<readonly Readonly<{ name: string; text: string }>[]> {
  const testudo = join(checkout, 'cli', 'testudo.ts');
  await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    testudo,
    'man',
    '--to',
    scratch,
  ]);
  const names = (await readdir(scratch)).sort();
  const pages = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(scratch, name), 'utf8') })),
  );
  await rm(scratch, { recursive: true });
  return pages;
}

/** SQLite's own sources, beside the libraries that were built from them for every platform. */
function isSource(name: string, path: string): boolean {
  return name === 'better-sqlite3' && /^(?:deps|src)\//.test(path);
}
