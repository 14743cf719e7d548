import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';

/**
 * The Node-API version that tfjs-node asks for on Node 20 and 22: it names the folder its loader looks in. Node-API is
 * stable across Node versions, so one binding serves them all, and its headers come from npm (node-api-headers) rather
 * than from a download of Node's own, which `nodedir` settings point at the wrong version and closed networks refuse.
 */
const napiVersion = 8;

const compilerFlags = ['-O2', '-std=gnu++17', '-fPIC', '-shared', '-w', `-DNAPI_VERSION=${napiVersion}`];
const linkerFlags = ['-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'];

/** @param {string} checkout */
export function tfjsNodeDir(checkout) {
  return join(checkout, 'node_modules', '@tensorflow', 'tfjs-node');
}

/** @param {string} checkout */
export function bindingPath(checkout) {
  return join(tfjsNodeDir(checkout), 'lib', `napi-v${napiVersion}`, 'tfjs_binding.node');
}

/**
 * Compiles tfjs-node's binding against the library unless the cache has it. What binding.gyp says for Linux, in one
 * call of the compiler: two source files need neither node-gyp nor its Python. The caller holds the cache's lock.
 *
 * @param {object} given
 * @param {string} given.checkout
 * @param {string} given.cache
 * @param {string} given.library folder with lib/ and include/
 * @param {string} given.wheelSha256
 * @param {import('./progress.mjs').Progress} given.progress
 * @param {readonly number[]} given.heldFds
 * @returns {Promise<{ path: string, built: boolean }>}
 */
export async function ensureBinding({ checkout, cache, library, wheelSha256, progress, heldFds }) {
  const sourceDir = join(tfjsNodeDir(checkout), 'binding');
  const names = readdirSync(sourceDir).sort();
  const hash = createHash('sha256').update(JSON.stringify([wheelSha256, process.arch, compilerFlags, linkerFlags]));
  for (const name of names) hash.update(`\0${name}\0`).update(readFileSync(join(sourceDir, name)));
  const dir = join(cache, 'binding', hash.digest('hex').slice(0, 16));
  const path = join(dir, 'tfjs_binding.node');
  if (existsSync(path)) return { path, built: false };

  const compiler = process.env['CXX'] || 'g++';
  const sources = names.filter((name) => name.endsWith('.cc')).map((name) => join(sourceDir, name));
  const headers = join(checkout, 'node_modules', 'node-api-headers', 'include');
  mkdirSync(join(cache, 'binding'), { recursive: true });
  const work = mkdtempSync(join(cache, 'tmp-binding-'));
  try {
    const output = join(work, 'whole', 'tfjs_binding.node');
    mkdirSync(dirname(output));
    const includes = [`-I${headers}`, `-I${join(library, 'include')}`];
    const args = [...compilerFlags, ...includes, ...sources, `-L${join(library, 'lib')}`, ...linkerFlags, '-o', output];
    await progress.run('compile the TensorFlow binding', async () => {
      const { code, tail } = await runCommand(compiler, args, { heldFds });
      if (code === 0) return;
      throw new SetupFault({
        step: 'compile the TensorFlow binding',
        cause: code === null ? `the C++ compiler ${compiler} did not start: ${tail}` : lastLines(tail),
        remedy:
          code === null
            ? 'install a C++ compiler (Debian: apt-get install g++), or name one in CXX, then run this again'
            : 'see the compiler’s words above; g++ 9 or newer is known to work (CXX names another)',
      });
    });
    rmSync(dir, { recursive: true, force: true });
    renameSync(join(work, 'whole'), dir);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { path, built: true };
}

/**
 * Lays library and binding out as the npm package's own `deps/` and `lib/`. Each is put in place by one rename.
 * @param {string} checkout
 * @param {string} library
 * @param {string} binding
 */
export function linkIntoPackage(checkout, library, binding) {
  const deps = join(tfjsNodeDir(checkout), 'deps');
  const fresh = `${deps}.new`;
  rmSync(fresh, { recursive: true, force: true });
  symlinkSync(library, fresh, 'dir');
  // A folder here is what the package's own installer left: rename cannot replace a folder by a link.
  if (lstatSync(deps, { throwIfNoEntry: false })?.isDirectory()) rmSync(deps, { recursive: true });
  renameSync(fresh, deps);

  const place = bindingPath(checkout);
  mkdirSync(dirname(place), { recursive: true });
  copyFileSync(binding, `${place}.new`);
  renameSync(`${place}.new`, place);
}
