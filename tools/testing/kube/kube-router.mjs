/**
 * kube-router, which drops packets as NetworkPolicies say: for measuring what isolation does, never shipped (its release has reported
 * flaws). Built from its published Go module into the cache, once; as a script it builds it and prints where it is.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withCache } from '../../setup/cache.mjs';
import { lastLines, runCommand } from '../../setup/command.mjs';
import { SetupFault } from '../../setup/fault.mjs';
import { cacheDir, isMain } from '../../setup/places.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { ensureGo, goEnvironment } from './go-toolchain.mjs';

const pins = fileURLToPath(new URL('./pins/packets', import.meta.url));
const path = 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router';

/** Where the program of these pins is, or will be. */
function place() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(pins, name)));
  return join(cacheDir(), 'kube-router', hash.digest('hex').slice(0, 16));
}

/** @returns {Promise<string>} the program */
export async function ensureKubeRouter(progress = createProgress()) {
  const program = join(place(), 'kube-router');
  if (existsSync(program)) return program;
  const say = (/** @type {string} */ sentence) => process.stderr.write(`  kube-router: ${sentence}\n`);
  await withCache({ dir: join(cacheDir(), 'kube-router'), heldFds: [], say }, async (cache) => {
    if (existsSync(program)) return; // Somebody else built it while we waited.
    const go = await ensureGo(cache, progress);
    await cache.add(place(), async (folder) => {
      await progress.run('kube-router, for measuring packets', async () => {
        const args = ['build', '-trimpath', '-o', join(folder, 'kube-router'), '-ldflags', '-s -w', path];
        const { code, tail } = await runCommand(go, args, { cwd: pins, env: goEnvironment(), heldFds: cache.heldFds });
        if (code === 0) return;
        const remedy = 'check the network, GOPROXY and the disk (2 GB), and run this again';
        throw new SetupFault({ step: 'build kube-router', cause: lastLines(tail), remedy });
      });
    });
  });
  return program;
}

if (isMain(import.meta.url)) {
  setPriority(15);
  process.stdout.write(`${await ensureKubeRouter()}\n`);
}
