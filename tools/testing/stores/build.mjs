/**
 * versitygw, the careful object store of the tests, built from its published Go module into the cache: five minutes on one
 * thread, once. As a script it builds it and prints its path; `npm run test:all` starts that in the background once the control plane
 * is built, so that two Go builds never share the machine.
 *
 * The folder's name is a digest of the pins, so a stale cache never hands back another version.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withCache } from '../../setup/cache.mjs';
import { lastLines, runCommand } from '../../setup/command.mjs';
import { describeFault, SetupFault } from '../../setup/fault.mjs';
import { cacheDir, isMain } from '../../setup/places.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { ensureGo, goEnvironment } from '../kube/go-toolchain.mjs';

const pins = fileURLToPath(new URL('./pins', import.meta.url));
const path = 'github.com/versity/versitygw/cmd/versitygw';
const dir = () => join(cacheDir(), 'object-stores');

function place() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(pins, name)));
  return join(dir(), `versitygw-${hash.digest('hex').slice(0, 16)}`);
}

/** True when nothing has to be built. */
export const versitygwIsThere = () => existsSync(place());

/**
 * Builds it where it is missing; a second caller waits for the first, and both for a control plane that is being built.
 * @param {import('../../setup/progress.mjs').Progress} [progress]
 * @returns {Promise<string>} the program's path
 */
export async function ensureVersitygw(progress = createProgress()) {
  const program = join(place(), 'versitygw');
  if (versitygwIsThere()) return program;
  const say = (/** @type {string} */ sentence) => process.stderr.write(`  object store: ${sentence}\n`);
  const kube = join(cacheDir(), 'kube');
  mkdirSync(dir(), { recursive: true });
  await withCache({ dir: kube, heldFds: [], say }, async ({ dir: goDir, heldFds: kubeFds, add }) => {
    await withCache({ dir: join(dir(), 'building'), heldFds: kubeFds, say }, async (cache) => {
      if (versitygwIsThere()) return; // Somebody else built it while we waited.
      const go = await ensureGo({ dir: goDir, heldFds: cache.heldFds, add }, progress);
      await progress.run('object store for tests: versitygw', () =>
        cache.add(place(), (folder) => build(go, join(folder, 'versitygw'), cache.heldFds)),
      );
    });
  });
  return program;
}

/**
 * @param {string} go
 * @param {string} output
 * @param {readonly number[]} heldFds
 */
async function build(go, output, heldFds) {
  const env = goEnvironment();
  // Everything it needs is fetched first, so that a passing fault of the network costs a second try and not the build.
  for (let attempt = 1; ; attempt += 1) {
    const { code, tail } = await runCommand(go, ['list', '-deps', path], { cwd: pins, env, heldFds });
    if (code === 0) break;
    if (attempt === 4) refuse(`fetch the Go modules of ${path}`, tail);
    await new Promise((resolve) => setTimeout(resolve, attempt * 5_000));
  }
  const args = ['build', '-p', '1', '-trimpath', '-ldflags', '-s -w', '-o', output, path];
  const { code, tail } = await runCommand(go, args, { cwd: pins, env, heldFds });
  if (code !== 0) refuse(`build ${path}`, tail);
}

/**
 * @param {string} step
 * @param {string} tail
 * @returns {never}
 */
function refuse(step, tail) {
  throw new SetupFault({
    step,
    cause: lastLines(tail),
    remedy: "check the network and Go's configuration (go env GOPROXY) and the disk (1 GB), then run this again",
  });
}

if (isMain(import.meta.url)) {
  setPriority(15); // The tests beside it come first. What it starts inherits this.
  try {
    process.stdout.write(`${await ensureVersitygw()}\n`);
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error;
    process.stderr.write(`\n${describeFault(error)}`);
    process.exitCode = 1;
  }
}
