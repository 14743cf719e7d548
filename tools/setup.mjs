#!/usr/bin/env node
/**
 * Makes a fresh checkout ready to run: npm packages and Node 22, the dashboard's pages, native TensorFlow, and for the
 * tests Redis, PostgreSQL, a browser, shells and an object store.
 * Plain JavaScript for any Node from 18, since it comes before Node 22 is there. Idempotent: what is done is not done
 * again, and a run that finds everything ready costs a few milliseconds. `npm start` and `npm test` call it first.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureAddOns } from './setup/add-ons.mjs';
import { installPages, pagesAreBuilt } from './setup/dashboard.mjs';
import { browserIsThere, installBrowser } from './setup/debian/browser.mjs';
import { imageToolsAreThere, installImageTools } from './setup/debian/image-tools.mjs';
import { installPostgres, postgresIsThere } from './setup/debian/postgres.mjs';
import { installRedis, mayInstallRedis, redisIsThere } from './setup/debian/redis.mjs';
import { installShells, shellsAreThere } from './setup/debian/shells.mjs';
import { describeFault, SetupFault } from './setup/fault.mjs';
import { takeLock } from './setup/lock.mjs';
import { npmCi } from './setup/npm.mjs';
import { node22IsThere, packagesAreInstalled, placeNode22 } from './setup/packages.mjs';
import { checkout, isMain } from './setup/places.mjs';
import { createProgress } from './setup/progress.mjs';
import { ensureTensorflow, tensorflowIsReady } from './setup/tensorflow.mjs';
import { installRclone, rcloneIsThere } from './testing/stores/rclone.mjs';

const usage = `usage: node tools/setup.mjs [--pure-js] [--without-redis] [--only-tensorflow] [--report FILE]

  --pure-js          do not install native TensorFlow; runs then need TESTUDO_TF=js (slow)
  --without-redis    go on when Redis is missing and cannot be installed (only tests and the distributed engine need it)
  --only-tensorflow  leave npm packages and Redis alone (for images and built packages, on Node 22)
  --report FILE      write what each phase cost, as JSON

environment: TESTUDO_CACHE (folder for the native library), TESTUDO_TENSORFLOW_WHEEL (a wheel fetched by hand),
             TESTUDO_TF=js (same as --pure-js), CXX (C++ compiler)
`;

/**
 * What a command needs before it can run. Redis is `required` by the tests; where it is only `wanted` it is installed if we
 * may, and otherwise nobody is bothered with it.
 * `postgres`: servers for the tests of the journal on it. `browser`: Chromium, for the tests of the dashboard.
 * `shells`: those that completion is tried in. `objectStore`: one that tests keep blobs in. `images`: the tools that build container images, or also those that their tests need.
 * @typedef {{ packages?: boolean, pureJs: boolean, redis: 'required' | 'wanted' | 'no', images?: 'build' | 'test' | 'no', postgres?: boolean, browser?: boolean, shells?: boolean, objectStore?: boolean }} Wanted
 */

/**
 * @param {Wanted} wanted
 * @returns {Promise<import('./setup/progress.mjs').Phase[]>} the phases that had something to do
 */
export async function setUp({
  packages = true,
  pureJs,
  redis,
  images = 'no',
  postgres = false,
  browser = false,
  shells = false,
  objectStore = false,
}) {
  refuseOldNode();
  const progress = createProgress();
  const say = (/** @type {string} */ sentence) => process.stderr.write(`  ${sentence}\n`);
  const steps = [
    { ready: () => !packages || packagesAreInstalled(), work: npmCi },
    { ready: () => !packages || node22IsThere(), work: placeNode22 },
    { ready: () => !packages || pagesAreBuilt(), work: installPages },
    { ready: () => pureJs || tensorflowIsReady(), work: ensureTensorflow },
    {
      ready: () => redis === 'no' || redisIsThere() || (redis === 'wanted' && !mayInstallRedis()),
      work: redis === 'required' ? installRedis : unlessImpossible(installRedis, say),
    },
    { ready: () => !postgres || postgresIsThere(), work: installPostgres },
    { ready: () => !browser || browserIsThere(), work: installBrowser },
    { ready: () => !shells || shellsAreThere(), work: installShells },
    { ready: () => !objectStore || rcloneIsThere(), work: installRclone },
    ...(images === 'no' ? [] : [{ ready: () => imageToolsAreThere(images), work: installImageTools(images) }]),
  ];
  if (steps.every(({ ready }) => ready())) return [];

  process.stderr.write('set-up: getting this checkout ready\n');
  const lock = takeLock(join(checkout, '.testudo', 'setup.lock'), say);
  try {
    for (const { ready, work } of steps) {
      // Asked again under the lock: another set-up may have done it while we waited.
      if (!ready()) await work(progress, { heldFds: [lock.fd], say });
    }
  } finally {
    lock.release();
  }
  process.stderr.write('set-up: ready\n');
  return progress.phases;
}

/**
 * @param {typeof installRedis} work
 * @param {(sentence: string) => void} say
 * @returns {typeof installRedis}
 */
function unlessImpossible(work, say) {
  return async (progress, given) => {
    try {
      await work(progress, given);
    } catch (error) {
      if (!(error instanceof SetupFault)) throw error;
      say(`going on without Redis, which only the tests and the distributed engine need (${error.remedy})`);
    }
  };
}

function refuseOldNode() {
  if (Number(process.versions.node.split('.')[0]) >= 18) return;
  throw new SetupFault({
    step: 'start',
    cause: `this is Node ${process.versions.node}`,
    remedy: 'use Node 18 or newer with npm; set-up then installs Node 22 for the product itself',
  });
}

/**
 * Runs set-up for a command; ends the process with the reason when it cannot be done.
 * @param {Wanted} wanted
 */
export function setUpOrExit(wanted) {
  return orExit(setUp(wanted));
}

/**
 * The add-ons of an installed package; ends the process with the reason when it cannot be done.
 * @param {Parameters<typeof ensureAddOns>[0]} wanted
 * @returns {Promise<string>} the folder that holds them
 */
export function setUpAddOnsOrExit(wanted) {
  return orExit(ensureAddOns(wanted, createProgress(), (sentence) => process.stderr.write(`  ${sentence}\n`)));
}

/**
 * @template T
 * @param {Promise<T>} work
 * @returns {Promise<T>}
 */
async function orExit(work) {
  try {
    return await work;
  } catch (error) {
    const fault = error instanceof SetupFault ? error : faultOfDisk(error);
    const mistake = error instanceof Error ? error.stack : error;
    return endSaying(process.stderr, fault ? `\n${describeFault(fault)}` : `\nset-up broke: ${mistake}\n`, 1);
  }
}

/**
 * Ends the process once its last words are out. A full pipe takes them later, and `process.exit` does not wait for that.
 * @param {NodeJS.WriteStream} out
 * @param {string} text
 * @param {number} code
 * @returns {Promise<never>}
 */
async function endSaying(out, text, code) {
  await new Promise((resolve) => out.write(text, resolve));
  process.exit(code);
}

/**
 * What the file system refused, in words; undefined for a mistake of our own.
 * @param {unknown} error
 */
function faultOfDisk(error) {
  const { code = '', path = '', message = '' } = /** @type {NodeJS.ErrnoException} */ (error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  if (!full && !['EACCES', 'EPERM', 'EROFS'].includes(code)) return undefined;
  return new SetupFault({
    step: `write ${path || 'to the disk'}`,
    cause: message,
    remedy: full
      ? 'free some room, or name a folder on a larger disk: TESTUDO_CACHE=/path'
      : 'run this as the owner of the checkout; TESTUDO_CACHE must name a folder you may write',
  });
}

async function main(/** @type {string[]} */ args) {
  /** @type {Wanted} */
  const wanted = { pureJs: process.env.TESTUDO_TF === 'js', redis: 'required' };
  let report = '';
  while (args.length > 0) {
    const arg = args.shift();
    if (arg === '--pure-js') wanted.pureJs = true;
    else if (arg === '--without-redis') wanted.redis = 'wanted';
    else if (arg === '--only-tensorflow') Object.assign(wanted, { packages: false, redis: 'no' });
    else if (arg === '--report' && args[0]) report = args.shift() ?? '';
    else {
      const asked = arg === '--help' || arg === '-h';
      if (asked) await endSaying(process.stdout, usage, 0);
      await endSaying(process.stderr, `set-up does not know ${arg}\n\n${usage}`, 2);
    }
  }
  const phases = await setUpOrExit(wanted);
  if (report !== '') writeFileSync(report, `${JSON.stringify({ node: process.version, phases }, null, 2)}\n`);
}

if (isMain(import.meta.url)) await main(process.argv.slice(2));
