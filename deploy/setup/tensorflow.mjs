import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { takeLock } from './lock.mjs';
import { cacheDir, checkout, node22 } from './places.mjs';
import { bindingPath, ensureBinding, linkIntoPackage, tfjsNodeDir } from './tensorflow-binding.mjs';
import { ensureLibrary, libraryDir, libraryIsWhole } from './tensorflow-library.mjs';
import { pin } from './tensorflow-pin.mjs';

const verifier = fileURLToPath(new URL('./verify-tensorflow.cjs', import.meta.url));
const stampPath = join(checkout, 'node_modules', '.testudo', 'tensorflow.json');
const pureJsWay = 'to go on with the slow pure JavaScript backend instead, say so: --pure-js (or TESTUDO_TF=js)';

const ownLibrary = process.platform === 'linux' && process.arch === 'x64';

/** True when what was last verified is still what is installed. Costs a few stat calls. */
export function tensorflowIsReady() {
  try {
    const stamp = JSON.parse(readFileSync(stampPath, 'utf8'));
    if (JSON.stringify(stamp.installed) !== JSON.stringify(installed())) return false;
    return !ownLibrary || libraryIsWhole(readlinkSync(join(tfjsNodeDir(checkout), 'deps')));
  } catch {
    return false;
  }
}

/** What the stamp vouches for. */
function installed() {
  const { size, mtimeMs } = statSync(bindingPath(checkout));
  const tfjsNode = JSON.parse(readFileSync(join(tfjsNodeDir(checkout), 'package.json'), 'utf8')).version;
  return { tfjsNode, wheelSha256: ownLibrary ? pin.sha256 : null, bindingBytes: size, bindingMtimeMs: mtimeMs };
}

/**
 * Makes `@tensorflow/tfjs-node` usable in this checkout and proves it by a multiplication.
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void }} with_
 */
export async function ensureTensorflow(progress, { heldFds, say }) {
  if (!ownLibrary) return await useOwnInstaller(progress, heldFds);
  refuseMusl();
  const cache = cacheDir();
  const lock = takeLock(join(cache, 'lock'), say);
  try {
    const held = [...heldFds, lock.fd];
    clearLeftovers(cache);
    const library = await ensureLibrary({
      cache,
      pin,
      progress,
      heldFds: held,
      localWheel: process.env.TESTUDO_TENSORFLOW_WHEEL,
    });
    const build = () => ensureBinding({ checkout, cache, library, wheelSha256: pin.sha256, progress, heldFds: held });
    let binding = await build();
    linkIntoPackage(checkout, library, binding.dir);
    let problem = await verify(progress, held);
    if (problem !== undefined && !binding.built) {
      // Built on another machine or by another compiler that shares this cache: build it here once more.
      rmSync(binding.dir, { recursive: true, force: true });
      binding = await build();
      linkIntoPackage(checkout, library, binding.dir);
      problem = await verify(progress, held);
    }
    if (problem !== undefined)
      throw notWorking(problem, `delete ${libraryDir(cache, pin)} and run this again; ${pureJsWay}`);
    writeStamp();
  } finally {
    lock.release();
  }
}

/**
 * Elsewhere (macOS, arm64, Windows) the package's own installer knows where its library is.
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 */
async function useOwnInstaller(progress, heldFds) {
  const remedy = `see the words above; ${pureJsWay}`;
  await progress.run(`install TensorFlow for ${process.platform}-${process.arch}`, async () => {
    const bin = join(checkout, 'node_modules', '.bin');
    const env = {
      ...process.env,
      PATH: `${bin}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH ?? ''}`,
    };
    const { code, tail } = await runCommand(node22, ['scripts/install.js'], {
      cwd: tfjsNodeDir(checkout),
      env,
      heldFds,
    });
    if (code !== 0) throw new SetupFault({ step: 'install TensorFlow', cause: lastLines(tail), remedy });
  });
  const problem = await verify(progress, heldFds);
  if (problem !== undefined) throw notWorking(problem, remedy);
  writeStamp();
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 * @returns {Promise<string | undefined>} what went wrong
 */
function verify(progress, heldFds) {
  return progress.run('verify native TensorFlow by a matrix multiplication', async () => {
    // NODE_PATH-free: the verifier lives in the checkout, so it resolves the very package the product will load.
    const { code, tail, stdout } = await runCommand(node22, [verifier], { cwd: checkout, heldFds });
    if (code !== 0) return lastLines(tail);
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

function writeStamp() {
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(`${stampPath}.new`, `${JSON.stringify({ installed: installed() }, null, 2)}\n`);
  renameSync(`${stampPath}.new`, stampPath);
}

/**
 * What a killed set-up left half done. Safe: we hold the lock, and so did everyone who could be writing there.
 * @param {string} cache
 */
function clearLeftovers(cache) {
  for (const name of readdirSync(cache)) {
    if (name.startsWith('tmp-')) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function refuseMusl() {
  const report = /** @type {{ header?: { glibcVersionRuntime?: string } }} */ (process.report?.getReport() ?? {});
  if (report.header?.glibcVersionRuntime) return;
  throw new SetupFault({
    step: 'install native TensorFlow',
    cause: 'this Linux has no glibc (Alpine?), and TensorFlow publishes no library for it',
    remedy: `use a Debian-like image; ${pureJsWay}`,
  });
}
