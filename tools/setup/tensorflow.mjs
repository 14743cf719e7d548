import { existsSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withCache } from './cache.mjs';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { checkout, isGlibc, node22, packageDir } from './places.mjs';
import { bindingPath, bindingRecipe, ensureBinding, linkIntoPackage, tfjsNodeDir } from './tensorflow-binding.mjs';
import { ensureBound, ensureLibrary, libraryIsBound, libraryIsWhole } from './tensorflow-library.mjs';
import { pin } from './tensorflow-pin.mjs';

/** @typedef {import('./tensorflow-binding.mjs').PackageDir} PackageDir */

const verifier = fileURLToPath(new URL('./verify-tensorflow.cjs', import.meta.url));
/** Inside the package it vouches for, so that a clean install takes it away. */
/** @param {PackageDir} root */
const stampPath = (root) => join(tfjsNodeDir(root), 'lib', 'testudo-verified.json');
/** Where npm put no Node 22 (production installs leave out development dependencies), this one is it. */
const node = () => (existsSync(node22) ? node22 : process.execPath);
const pureJsWay = 'to go on with the slow pure JavaScript backend instead, say so: --pure-js (or TESTUDO_TF=js)';

const ownLibrary = process.platform === 'linux' && process.arch === 'x64';

/** True when what was last verified is still what is installed. Costs a few stat calls. */
export function tensorflowIsReady(root = packageDir) {
  try {
    const stamp = JSON.parse(readFileSync(stampPath(root), 'utf8'));
    if (JSON.stringify(stamp.installed) !== JSON.stringify(installed(root))) return false;
    if (!ownLibrary) return true;
    const library = resolve(tfjsNodeDir(root), readlinkSync(join(tfjsNodeDir(root), 'deps')));
    return libraryIsWhole(library) && libraryIsBound(library);
  } catch {
    return false;
  }
}

/**
 * What the stamp vouches for.
 * @param {PackageDir} root
 */
function installed(root) {
  const { size, mtimeMs } = statSync(bindingPath(root));
  const tfjsNode = JSON.parse(readFileSync(join(tfjsNodeDir(root), 'package.json'), 'utf8')).version;
  return {
    tfjsNode,
    wheelSha256: ownLibrary ? pin.sha256 : null,
    bindingBytes: size,
    bindingMtimeMs: mtimeMs,
    bindingRecipe,
  };
}

/**
 * Makes `@tensorflow/tfjs-node` usable in this checkout and proves it by a multiplication.
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void, root?: PackageDir, cache?: string }} given
 *   `root`: where packages lie, this checkout's by default; `cache`: the folder for the library, where it is not the user's
 */
export async function ensureTensorflow(progress, given) {
  const { root = packageDir } = given;
  if (!ownLibrary) return await useOwnInstaller(progress, given.heldFds, root);
  refuseMusl();
  const cacheGiven = given.cache === undefined ? given : { ...given, dir: given.cache };
  await withCache(cacheGiven, async (cache) => {
    const localWheel = process.env.TESTUDO_TENSORFLOW_WHEEL || undefined;
    const library = await ensureLibrary({ cache, pin, progress, localWheel });
    await ensureBound(library, progress);
    const install = async () => {
      const binding = await ensureBinding({ cache, library, wheelSha256: pin.sha256, progress, packageDirOf: root });
      linkIntoPackage(library, binding.dir, root);
      return { ...binding, problem: await verify(progress, cache.heldFds, root) };
    };
    let outcome = await install();
    if (outcome.problem !== undefined && !outcome.built) {
      // The cached binding may come from another machine or compiler that shares this cache: build it here once more.
      rmSync(outcome.dir, { recursive: true, force: true });
      outcome = await install();
    }
    if (outcome.problem !== undefined) {
      throw notWorking(outcome.problem, `delete ${library} and run this again; ${pureJsWay}`);
    }
    writeStamp(root);
  });
}

/**
 * Elsewhere (macOS, arm64, Windows) the package's own installer knows where its library is.
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 * @param {PackageDir} root
 */
async function useOwnInstaller(progress, heldFds, root) {
  const remedy = `see the words above; ${pureJsWay}`;
  await progress.run(`install TensorFlow for ${process.platform}-${process.arch}`, async () => {
    const bin = join(tfjsNodeDir(root), '..', '..', '.bin');
    const env = {
      ...process.env,
      PATH: `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`,
    };
    const { code, tail } = await runCommand(node(), ['scripts/install.js'], {
      cwd: tfjsNodeDir(root),
      env,
      heldFds,
    });
    if (code !== 0) throw new SetupFault({ step: 'install TensorFlow', cause: lastLines(tail), remedy });
  });
  const problem = await verify(progress, heldFds, root);
  if (problem !== undefined) throw notWorking(problem, remedy);
  writeStamp(root);
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 * @param {PackageDir} root
 * @returns {Promise<string | undefined>} what went wrong
 */
function verify(progress, heldFds, root) {
  return progress.run('verify native TensorFlow by a matrix multiplication', async () => {
    // By its folder, so that it is the very package that the product will load.
    const { code, tail, stdout } = await runCommand(node(), [verifier, tfjsNodeDir(root)], { cwd: checkout, heldFds });
    if (code !== 0) return /^\w*Error\b.*/m.exec(tail)?.[0] ?? lastLines(tail); // Its stack says less than its sentence.
    return stdout.includes('"backend":"tensorflow"') ? undefined : `unexpected answer: ${stdout}`;
  });
}

/**
 * @param {string} cause
 * @param {string} remedy
 */
function notWorking(cause, remedy) {
  return new SetupFault({ step: 'verify native TensorFlow', cause, remedy });
}

/** @param {PackageDir} root */
function writeStamp(root) {
  const path = stampPath(root);
  writeFileSync(`${path}.new`, `${JSON.stringify({ installed: installed(root) }, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}

function refuseMusl() {
  if (isGlibc()) return;
  throw new SetupFault({
    step: 'install native TensorFlow',
    cause: 'this Linux has no glibc (Alpine?), and TensorFlow publishes no library for it',
    remedy: `use a Debian-like image; ${pureJsWay}`,
  });
}
