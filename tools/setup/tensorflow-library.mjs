import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import {
  copyFileSync,
  createReadStream,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { lastLines, runCommand } from './command.mjs';
import { bindSymbols } from './elf/bind-symbols.mjs';
import { SetupFault } from './fault.mjs';

const unpacker = fileURLToPath(new URL('./unpack_wheel.py', import.meta.url));
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** The names under which the npm package looks for them. */
const links = /** @type {const} */ ([
  ['libtensorflow_cc.so.2', 'libtensorflow.so'],
  ['libtensorflow_cc.so.2', 'libtensorflow.so.2.9.1'],
  ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
]);

/**
 * The folder in the cache for this wheel; `lib/` and `include/` in it once {@link ensureLibrary} has run.
 * @param {string} cache
 * @param {import('./tensorflow-pin.mjs').WheelPin} pin
 */
function libraryDir(cache, pin) {
  return join(cache, 'library', `tensorflow-${pin.version}-${pin.sha256.slice(0, 16)}`);
}

/**
 * True when the whole library is there. The folder appears by one rename, so its presence says that unpacking ended;
 * the sizes are compared as well, since a cache may be pruned or a disk may fill up behind our back.
 * @param {string} dir
 */
export function libraryIsWhole(dir) {
  try {
    const { bytes } = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));
    return libraries.every((name) => statSync(join(dir, 'lib', name)).size === bytes[name]);
  } catch {
    return false;
  }
}

/**
 * True when the library's references to itself are bound (bind-symbols.mjs).
 * @param {string} dir
 */
export function libraryIsBound(dir) {
  return existsSync(join(dir, 'bound.json'));
}

/**
 * Binds the library's references to itself, once, so that no process has to that loads it. In copies, since others may be
 * running on the files.
 *
 * @param {string} dir
 * @param {import('./progress.mjs').Progress} progress
 */
export async function ensureBound(dir, progress) {
  if (libraryIsBound(dir)) return;
  await progress.run("bind the native library's references to itself", async () => {
    const copies = libraries.map((name) => join(dir, 'lib', `${name}.bound`));
    try {
      for (const [i, name] of libraries.entries()) {
        copyFileSync(join(dir, 'lib', name), /** @type {string} */ (copies[i]), fs.constants.COPYFILE_FICLONE);
      }
      const bound = bindSymbols(copies);
      for (const [i, name] of libraries.entries()) {
        renameSync(/** @type {string} */ (copies[i]), join(dir, 'lib', name));
      }
      const counts = Object.fromEntries(libraries.map((name, i) => [name, bound[i]]));
      writeFileSync(join(dir, 'bound.json'), `${JSON.stringify({ references: counts }, null, 2)}\n`);
    } catch (error) {
      for (const copy of copies) rmSync(copy, { force: true });
      throw new SetupFault({
        step: "bind the native library's references to itself",
        cause: error instanceof Error ? error.message : String(error),
        remedy: `make room on the disk of ${dir} and run this again; or delete that folder, to have it made anew`,
      });
    }
  });
}

/**
 * Downloads, checks and unpacks the library unless it is in the cache.
 *
 * @param {object} given
 * @param {import('./cache.mjs').Cache} given.cache
 * @param {import('./tensorflow-pin.mjs').WheelPin} given.pin
 * @param {import('./progress.mjs').Progress} given.progress
 * @param {string | undefined} given.localWheel a wheel already on this machine (TESTUDO_TENSORFLOW_WHEEL)
 * @returns {Promise<string>} the library's folder
 */
export async function ensureLibrary({ cache, pin, progress, localWheel }) {
  const dir = libraryDir(cache.dir, pin);
  if (libraryIsWhole(dir)) return dir;
  refuseFullDisk(cache.dir, pin);
  await cache.add(dir, async (folder) => {
    const wheel = localWheel ?? (await download(folder, pin, progress, cache.heldFds));
    await progress.run('check the wheel against its pinned hash', () => checkHash(wheel, pin));
    await progress.run('unpack the native library', () => unpack(wheel, folder, cache.heldFds));
    if (wheel !== localWheel) rmSync(wheel);
  });
  return dir;
}

/**
 * @param {string} folder
 * @param {import('./tensorflow-pin.mjs').WheelPin} pin
 * @param {import('./progress.mjs').Progress} progress
 * @param {readonly number[]} heldFds
 */
async function download(folder, pin, progress, heldFds) {
  const requirements = join(folder, 'requirements.txt');
  writeFileSync(requirements, `${pin.requirement} --hash=sha256:${pin.sha256}\n`);
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--require-hashes', ...pin.tags];
  args.push('--disable-pip-version-check', '--no-input', '--progress-bar=off', '--dest', folder, '-r', requirements);
  const megabytes = Math.round(pin.wheelBytes / 1e6);
  await progress.run(`download ${pin.requirement} (${megabytes} MB) with pip`, async () => {
    // Not into pip's own cache: it would keep a second copy of a quarter of a gigabyte.
    const { code, tail } = await runCommand('python3', [...args, '--no-cache-dir'], { heldFds });
    if (code === 0) return;
    const noPip = code === null || /No module named pip/.test(tail);
    throw new SetupFault({
      step: 'download the native TensorFlow library',
      cause: noPip ? `python3 with pip did not start: ${lastLines(tail, 3)}` : lastLines(tail),
      remedy: noPip
        ? 'install python3 and pip (Debian: apt-get install python3 python3-pip), then run this again'
        : `check the network and pip's configuration and run this again; or fetch ${pin.wheel}\non another machine and name it: TESTUDO_TENSORFLOW_WHEEL=/path/to/${pin.wheel}`,
    });
  });
  rmSync(requirements);
  return join(folder, pin.wheel);
}

/**
 * pip has checked it already; a wheel named by hand has been checked by nobody.
 * @param {string} wheel
 * @param {import('./tensorflow-pin.mjs').WheelPin} pin
 */
async function checkHash(wheel, pin) {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(wheel, { highWaterMark: 1 << 20 }), hash);
  } catch (error) {
    throw new SetupFault({
      step: 'check the wheel',
      cause: error instanceof Error ? error.message : String(error),
      remedy: 'name a readable file in TESTUDO_TENSORFLOW_WHEEL, or unset it to download the wheel',
    });
  }
  const found = hash.digest('hex');
  if (found === pin.sha256) return;
  throw new SetupFault({
    step: 'check the wheel',
    cause: `${basename(wheel)} has sha256 ${found}, expected ${pin.sha256}`,
    remedy: 'do not use this file: it is not the one this version was built with. Fetch it again.',
  });
}

/**
 * @param {string} wheel
 * @param {string} into
 * @param {readonly number[]} heldFds
 */
async function unpack(wheel, into, heldFds) {
  const { code, tail } = await runCommand('python3', [unpacker, wheel, into], { heldFds });
  if (code !== 0) {
    throw new SetupFault({
      step: 'unpack the native library',
      cause: lastLines(tail),
      remedy: 'make room on the disk of the cache folder (about 1.8 GB), then run this again',
    });
  }
  for (const [target, link] of links) symlinkSync(target, join(into, 'lib', link));
  const bytes = Object.fromEntries(libraries.map((name) => [name, statSync(join(into, 'lib', name)).size]));
  writeFileSync(join(into, 'manifest.json'), `${JSON.stringify({ wheel: basename(wheel), bytes }, null, 2)}\n`);
}

/**
 * @param {string} cache
 * @param {import('./tensorflow-pin.mjs').WheelPin} pin
 */
function refuseFullDisk(cache, pin) {
  if (fs.statfsSync === undefined) return; // Node before 18.15.
  const { bavail, bsize } = fs.statfsSync(cache);
  const needed = pin.unpackedBytes + Math.max(pin.wheelBytes, pin.unpackedBytes); // The wheel goes before copies are made.
  if (bavail * bsize >= needed) return;
  const mb = (/** @type {number} */ bytes) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new SetupFault({
    step: 'download the native TensorFlow library',
    cause: `${cache} has ${mb(bavail * bsize)} free; the library needs ${mb(needed)} while it is put in place`,
    remedy: 'free some room, or name a folder on a larger disk: TESTUDO_CACHE=/path',
  });
}
