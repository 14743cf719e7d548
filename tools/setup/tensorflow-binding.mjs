import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { packageDir } from './places.mjs';

/**
 * The Node-API version that tfjs-node asks for on Node 20 and 22: it names the folder its loader looks in. Node-API is
 * stable across Node versions, so one binding serves them all, and its headers come from npm (node-api-headers) rather
 * than from a download of Node's own, which `nodedir` settings point at the wrong version and closed networks refuse.
 */
const napiVersion = 8;

/** How the addons are compiled, counted up where flags below change per machine: installed ones are then made again. */
export const bindingRecipe = 2;

const compilerFlags = ['-O2', '-std=gnu++17', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${napiVersion}`];
/**
 * nodelete: a worker thread that ends closes its addons, while TensorFlow's threads may still call into them.
 * now: every symbol is resolved when the addon is loaded, so a library that lacks one fails the verification.
 */
const linkerFlags = ['-Wl,-rpath,$ORIGIN/../../deps/lib', '-Wl,-z,nodelete', '-Wl,-z,now', '-Wl,--no-as-needed'];
const libraryNames = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const addons = ['tfjs_binding.node', 'quiet_tensorflow.node'];
const quietSource = fileURLToPath(new URL('./quiet_tensorflow.cc', import.meta.url));

/** @typedef {(name: string) => string} PackageDir where a package lies: this checkout's, or an add-on's */

export const tfjsNodeDir = (packageDirOf = packageDir) => packageDirOf('@tensorflow/tfjs-node');
export const bindingPath = (packageDirOf = packageDir) =>
  join(tfjsNodeDir(packageDirOf), 'lib', `napi-v${napiVersion}`, 'tfjs_binding.node');

/**
 * Compiles tfjs-node's binding against the library unless the cache has it, and the small addon that quietens its start.
 * What binding.gyp says for Linux, in one call of the compiler: two source files need neither node-gyp nor its Python.
 *
 * @param {object} given
 * @param {import('./cache.mjs').Cache} given.cache
 * @param {string} given.library folder with lib/ and include/
 * @param {string} given.wheelSha256
 * @param {import('./progress.mjs').Progress} given.progress
 * @param {PackageDir} [given.packageDirOf]
 * @returns {Promise<{ dir: string, built: boolean }>}
 */
export async function ensureBinding({ cache, library, wheelSha256, progress, packageDirOf = packageDir }) {
  const sourceDir = join(tfjsNodeDir(packageDirOf), 'binding');
  const sources = readdirSync(sourceDir)
    .sort()
    .map((name) => join(sourceDir, name));
  const hash = createHash('sha256').update(
    JSON.stringify([wheelSha256, process.arch, compilerFlags, linkerFlags, bindingRecipe]),
  );
  for (const path of [...sources, quietSource]) hash.update(`\0${basename(path)}\0`).update(readFileSync(path));
  const dir = join(cache.dir, 'binding', hash.digest('hex').slice(0, 16));
  if (existsSync(dir)) return { dir, built: false }; // It appears by one rename, so it is whole.

  const headers = [join(packageDirOf('node-api-headers'), 'include'), join(library, 'include')];
  // The sources' own path would stand in the binding, and with it in images: they name no place of this machine.
  const pathless = [sourceDir, dirname(quietSource)].map((path) => `-ffile-prefix-map=${path}=.`);
  const common = [...compilerFlags, ...pathless, ...headers.map((path) => `-I${path}`), ...linkerFlags];
  const bindingSources = sources.filter((path) => path.endsWith('.cc'));
  await progress.run('compile the TensorFlow binding', () =>
    cache.add(dir, async (folder) => {
      const { heldFds } = cache;
      // All that the linker takes from a library is its name, but it would read 0.8 GB of symbols first, for some five
      // seconds. Empty stand-ins of the same names give it the same answer.
      const standIns = libraryNames.map((name) => join(folder, name));
      for (const [i, path] of standIns.entries()) {
        await compile(['-shared', `-Wl,-soname,${libraryNames[i]}`, '-x', 'c++', '/dev/null', '-o', path], heldFds);
      }
      await compile([...common, ...bindingSources, ...standIns, '-o', join(folder, 'tfjs_binding.node')], heldFds);
      for (const path of standIns) rmSync(path);
      await compile([...common, quietSource, '-o', join(folder, 'quiet_tensorflow.node')], heldFds);
    }),
  );
  return { dir, built: true };
}

/**
 * @param {readonly string[]} args
 * @param {readonly number[]} heldFds
 */
async function compile(args, heldFds) {
  const compiler = process.env.CXX || 'g++';
  const { code, tail } = await runCommand(compiler, args, { heldFds });
  if (code === 0) return;
  const missing = code === null;
  throw new SetupFault({
    step: 'compile the TensorFlow binding',
    cause: missing ? `the C++ compiler ${compiler} did not start: ${tail}` : lastLines(tail),
    remedy: missing
      ? 'install a C++ compiler (Debian: apt-get install g++) or name one in CXX, then run this again'
      : 'see the compiler’s words above; g++ 9 or newer is known to work (CXX names another)',
  });
}

/**
 * Lays library and binding out as the npm package's own `deps/` and `lib/`. Each is put in place by one rename.
 * @param {string} library
 * @param {string} bindingDir
 * @param {PackageDir} packageDirOf where they share a folder with the package, the link says so, and the folder can be moved
 */
export function linkIntoPackage(library, bindingDir, packageDirOf = packageDir) {
  const deps = join(tfjsNodeDir(packageDirOf), 'deps');
  const fresh = `${deps}.new`;
  rmSync(fresh, { recursive: true, force: true });
  symlinkSync(packageDirOf === packageDir ? library : relative(dirname(deps), library), fresh, 'dir');
  // A folder here is what the package's own installer left: rename cannot replace a folder by a link.
  if (lstatSync(deps, { throwIfNoEntry: false })?.isDirectory()) rmSync(deps, { recursive: true });
  renameSync(fresh, deps);

  const folder = dirname(bindingPath(packageDirOf));
  mkdirSync(folder, { recursive: true });
  for (const addon of addons) {
    copyFileSync(join(bindingDir, addon), join(folder, `${addon}.new`));
    renameSync(join(folder, `${addon}.new`), join(folder, addon));
  }
}
