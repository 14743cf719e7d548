import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import { checkout } from '../setup/places.mjs';
import { pin } from '../setup/tensorflow-pin.mjs';
import { Lockfile } from './lockfile.ts';

type Versions = Readonly<Record<string, string>>;
type Source = Readonly<{
  [field: string]: unknown;
  dependencies: Versions;
  optionalDependencies: Versions;
  bin: Versions;
  imports: Versions;
}>;

/**
 * Left out of the package, and fetched by `testudo setup`: TensorFlow, ONNX Runtime and what draws a report's plots are four fifths
 * of all bytes, most commands do without, and two of them would download from elsewhere while npm installs them.
 */
const addOnNames: readonly string[] = [
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-node',
  'node-api-headers',
  'onnxruntime-node',
  'vega',
  'vega-lite',
];

/** What add-ons load without saying so in their own package.json: `@tensorflow/tfjs/dist/tf.node.js` asks for `long`. */
const addOnsNeed: readonly string[] = ['long'];

/** Nothing that runs reads these. */
const prose: ReadonlySet<string> = new Set(['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY.md']);

/**
 * Names a build by all of it that runs, its exact dependencies included: the first 12 digits of a SHA-256 over every file's path and
 * digest, in package.json as `build`. The same sources give the same name, on every machine and with or without git.
 */
export function nameBuild(dist: string): string {
  const hash = createHash('sha256');
  const paths = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dist, join(entry.parentPath, entry.name)))
    .filter((path) => !prose.has(path))
    .sort();
  for (const path of paths) {
    const digest = createHash('sha256')
      .update(readFileSync(join(dist, path)))
      .digest('hex');
    hash.update(`${JSON.stringify([path, digest])}\n`);
  }
  const build = hash.digest('hex').slice(0, 12);
  const file = join(dist, 'package.json');
  writeFileSync(file, text({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), build }));
  return build;
}

/** package.json of the built package, and the list of its add-ons with a lock of its own. */
export function writeManifests(dist: string): void {
  const source = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as Source;
  const isOurs = ([name]: [string, string]) => !addOnNames.includes(name);
  const dependencies = Object.fromEntries(Object.entries(source.dependencies).filter(isOurs));
  const everything = { ...source.dependencies, ...source.optionalDependencies };
  const lock = new Lockfile(checkout);
  const addOns = Object.fromEntries([
    ...Object.entries(everything).filter((entry) => !isOurs(entry)),
    ...addOnsNeed.map((need) => [need, lock.at(`node_modules/${need}`).version]),
  ]);

  const addOnLock = text(lockOf({ name: 'testudo-add-ons', version: String(source.version), dependencies: addOns }));
  const folder = join(dist, 'tools', 'add-ons');
  makeFolder(folder);
  writeFileSync(join(folder, 'package.json'), text({ name: 'testudo-add-ons', private: true, dependencies: addOns }));
  writeFileSync(join(folder, 'package-lock.json'), addOnLock);

  const { name, version, description, license, type } = source;
  const identity = { name, version, description, license, type };
  // A checkout only needs a Node that can run set-up; the built package has no set-up of its own to bring Node 22.
  const engines = { node: '>=22.15.0 <23' };
  const [bin, imports] = [compiled(source.bin), compiled(source.imports)];
  const key = createHash('sha256').update(addOnLock).update(pin.sha256).digest('hex').slice(0, 16);
  writeFileSync(join(dist, 'package.json'), text({ ...identity, engines, bin, imports, dependencies, addOns: key }));
}

/** What of package-lock.json these packages need, on any platform: npm holds whoever installs them to these hashes. */
function lockOf(root: Readonly<{ [field: string]: unknown; dependencies: Versions }>) {
  const path = join(checkout, 'package-lock.json');
  const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Record<string, unknown>> };
  const closure = new Lockfile(checkout).closure(Object.keys(root.dependencies).sort(), () => true, new Set());
  const entries = closure.map(({ path: place }) => {
    const { dev: _dev, devOptional: _devOptional, ...entry } = packages[place] ?? {};
    return [place, entry] as const;
  });
  const { name, version } = root;
  return { name, version, lockfileVersion: 3, requires: true, packages: { '': root, ...Object.fromEntries(entries) } };
}

function compiled(map: Versions): Versions {
  return Object.fromEntries(Object.entries(map).map(([key, path]) => [key, path.replace(/\.ts$/, '.js')]));
}

function text(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
