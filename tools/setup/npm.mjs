import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { withCache } from './cache.mjs';
import { lastLines, runCommand } from './command.mjs';
import { SetupFault } from './fault.mjs';
import { checkout } from './places.mjs';

const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=http'];

/**
 * Runs `npm ci` in the checkout, without any package's install scripts and on Node 22 whatever Node runs set-up: npm leaves out optional packages whose `engines`
 * refuse the Node it runs on, so on Node 18 it would leave out the test runner's native parts without a word.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void }} given
 */
export async function npmCi(progress, given) {
  const node = await nodeForNpm(progress, given);
  await progress.run('install npm packages (npm ci)', async () => {
    refuseFailure('npm ci', await npm(['ci', ...quietly], { node, cwd: checkout, heldFds: given.heldFds }));
  });
}

/**
 * @param {string} step
 * @param {{ code: number | null, tail: string }} result
 */
export function refuseFailure(step, { code, tail }) {
  if (code === 0) return;
  // The lines of requests that went well say nothing; those that failed name the true cause.
  const telling = tail.split('\n').filter((line) => !/^npm http (?:fetch|cache) .* (?:200|304|\(cache )/.test(line));
  throw new SetupFault({
    step,
    cause: code === null ? `npm did not start: ${tail}` : lastLines(telling.join('\n')),
    remedy:
      code === null
        ? 'install npm (Debian: apt-get install npm), then run this again'
        : 'check the network and npm’s registry setting (npm config get registry), then run this again',
  });
}

/**
 * The npm that started us, or the one on PATH, on the given Node.
 * @param {readonly string[]} args
 * @param {{ node: string, cwd: string, heldFds: readonly number[] }} with_
 */
export function npm(args, { node, cwd, heldFds }) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return runCommand(node, [cli, ...args], { cwd, env, heldFds });
  return runCommand(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd, env, heldFds });
}

/**
 * This Node if it is a 22; otherwise one from the cache, fetched through npm and held to the lockfile's hash. Where npm has
 * no such package for the platform, this Node has to do.
 *
 * @param {import('./progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void }} given
 */
async function nodeForNpm(progress, given) {
  if (process.versions.node.startsWith('22.')) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const path = `node_modules/${name}`;
  const entry = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')).packages[path];
  if (entry === undefined) return process.execPath;
  return await withCache(given, async (cache) => {
    const place = join(cache.dir, 'node', `${entry.version}-${process.platform}-${process.arch}`);
    const node = join(place, 'bin', 'node');
    if (existsSync(node)) return node;
    await progress.run(`fetch Node ${entry.version} for npm`, () =>
      cache.add(place, async (folder) => {
        const root = { name: 'node-for-npm', dependencies: { [name]: entry.version } };
        const lock = {
          name: root.name,
          lockfileVersion: 3,
          packages: { '': root, [path]: { ...entry, optional: false } },
        };
        writeFileSync(join(folder, 'package.json'), JSON.stringify(root));
        writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
        const options = { node: process.execPath, cwd: folder, heldFds: cache.heldFds };
        refuseFailure(`fetch ${name}@${entry.version} with npm`, await npm(['ci', ...quietly], options));
        mkdirSync(join(folder, 'bin'));
        renameSync(join(folder, path, 'bin', 'node'), join(folder, 'bin', 'node'));
        rmSync(join(folder, 'node_modules'), { recursive: true });
      }),
    );
    return node;
  });
}
