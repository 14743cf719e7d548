/**
 * `npm run build [-- FOLDER]`: the publishable package in dist/, compiled to plain JavaScript, with its assets and a
 * package.json of its own. It appears by one rename, after the compiler has accepted everything. `--unchecked`, behind the folder,
 * leaves out the check of types, which takes two thirds of the time and writes nothing: for a second build to compare.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { nameBuild, writeManifests } from './packaging/manifests.ts';
import { buildPages } from './setup/dashboard.mjs';
import { checkout, node22, packagedFolders } from './setup/places.mjs';

const leftOut = new Set(['testing', 'golden', 'assembly', 'checks', 'node_modules']);
/** Read by tests and by the generator only. */
const leftOutFiles = /(?:^|\/)(?:buf(?:\.gen)?\.yaml|baseline\.binpb|vectors\.json|check_vectors\.py)$/;

const target = resolve(process.argv[2] ?? join(checkout, 'dist'));
const fresh = `${target}.new`;

rmSync(fresh, { recursive: true, force: true });
compile();
for (const path of filesBelow(fresh)) {
  if (/\.m?js$/.test(path)) pointToJavaScript(path);
}
for (const folder of packagedFolders) copyAssets(join(checkout, folder));
await buildPages(join(fresh, 'dashboard', 'dist'));
cpSync(join(checkout, 'data'), join(fresh, 'data'), { recursive: true });
for (const name of ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD_PARTY.md'])
  copyFileSync(join(checkout, name), join(fresh, name));
writeManifests(fresh);
const build = nameBuild(fresh);
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
process.stdout.write(
  `built ${relative(process.cwd(), target) || '.'}: ${filesBelow(target).length} files, build ${build}\n`,
);

function compile() {
  const tsc = join(checkout, 'node_modules', 'typescript', 'bin', 'tsc');
  const unchecked = process.argv[3] === '--unchecked' ? ['--noCheck'] : [];
  const args = [tsc, '-p', join(checkout, 'tsconfig.build.json'), '--outDir', fresh, ...unchecked];
  const { status } = spawnSync(node22, args, { cwd: checkout, stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write('the build stopped: the compiler found the errors above\n');
    process.exit(1);
  }
}

/**
 * The compiler turns `.ts` into `.js` in imports; in `new URL('./worker.ts', import.meta.url)` we do.
 * @param {string} path
 */
function pointToJavaScript(path) {
  const code = readFileSync(path, 'utf8');
  const fixed = code.replaceAll(/(new\s+URL\(\s*(['"`])\.{1,2}\/[^'"`]+)\.ts(\2\s*,\s*import\.meta\.url)/g, '$1.js$3');
  if (fixed !== code) writeFileSync(path, fixed);
}

/**
 * What the modules read at run time: .proto files, WebAssembly.
 * @param {string} folder
 */
function copyAssets(folder) {
  for (const path of filesBelow(folder)) {
    if (leftOutFiles.test(path)) continue;
    if (/^\.(?:[cm]?[jt]sx?|md)$/.test(extname(path)) && !path.endsWith('.cjs')) continue; // Compiled, or prose.
    const place = join(fresh, relative(checkout, path));
    mkdirSync(dirname(place), { recursive: true });
    copyFileSync(path, place);
  }
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return leftOut.has(entry.name) ? [] : filesBelow(path);
  });
}
