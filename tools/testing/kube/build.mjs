/**
 * The control plane that tests run against: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, kwok
 * (which plays the kubelets) and Helm, built from their published Go modules into the cache. As a script it builds them and
 * prints the folder they are in; `npm run test:all` starts it in the background before anything else.
 *
 * The folder's name is a digest of all pins and of this file, so a stale cache never hands back other versions. A
 * build that was cut off goes on where it stopped: Go keeps what it has compiled.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withCache } from '../../setup/cache.mjs';
import { lastLines, runCommand } from '../../setup/command.mjs';
import { describeFault, SetupFault } from '../../setup/fault.mjs';
import { cacheDir, isMain } from '../../setup/places.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { ensureGo, goEnvironment } from './go-toolchain.mjs';

const pins = fileURLToPath(new URL('./pins', import.meta.url));

/** What is built, in the order in which it is needed; by the folder of its pins. */
const programs = /** @type {const} */ ([
  ['control-plane', 'go.etcd.io/etcd/server/v3', 'etcd'],
  ['control-plane', 'k8s.io/kubernetes/cmd/kube-apiserver', 'kube-apiserver'],
  ['control-plane', 'k8s.io/kubernetes/cmd/kube-controller-manager', 'kube-controller-manager'],
  ['control-plane', 'k8s.io/kubernetes/cmd/kube-scheduler', 'kube-scheduler'],
  ['control-plane', 'k8s.io/kubernetes/cmd/kubectl', 'kubectl'],
  ['companions', 'sigs.k8s.io/kwok/cmd/kwok', 'kwok'],
  ['companions', 'helm.sh/helm/v4/cmd/helm', 'helm'],
]);

/** Where the programs of these pins are, or will be. */
function controlPlaneDir() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const module of ['control-plane', 'companions']) {
    for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(pins, module, name)));
  }
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  return join(cacheDir(), 'kube', hash.digest('hex').slice(0, 16));
}

/** True when nothing has to be built. The folder appears by one rename, so its presence says that the build ended. */
export const controlPlaneIsThere = () => existsSync(controlPlaneDir());

/**
 * Builds what is missing; a second caller waits for the first.
 * @param {import('../../setup/progress.mjs').Progress} [progress]
 * @returns {Promise<string>} the folder of the programs
 */
export async function ensureControlPlane(progress = createProgress()) {
  const place = controlPlaneDir();
  if (existsSync(place)) return place;
  const say = (/** @type {string} */ sentence) => process.stderr.write(`  control plane: ${sentence}\n`);
  return await withCache({ dir: join(cacheDir(), 'kube'), heldFds: [], say }, async (cache) => {
    if (existsSync(place)) return place; // Somebody else built it while we waited.
    const go = await ensureGo(cache, progress);
    await cache.add(place, async (folder) => {
      for (const [at, [module, path, name]] of programs.entries()) {
        await progress.run(`control plane for tests, ${at + 1} of ${programs.length}: ${name}`, () =>
          build({ go, module, path, output: join(folder, name), heldFds: cache.heldFds }),
        );
      }
      await copyStages(go, folder);
    });
    return place;
  });
}

/** @param {{ go: string, module: string, path: string, output: string, heldFds: readonly number[] }} wanted */
async function build({ go, module, path, output, heldFds }) {
  const cwd = join(pins, module);
  const env = goEnvironment();
  // Everything it needs is fetched first, so that a passing fault of the network costs a second try and not the build.
  for (let attempt = 1; ; attempt += 1) {
    const { code, tail } = await runCommand(go, ['list', '-deps', path], { cwd, env, heldFds });
    if (code === 0) break;
    if (attempt === 4) refuse(`fetch the Go modules of ${path}`, tail);
    await new Promise((resolve) => setTimeout(resolve, attempt * 5_000));
  }
  const version = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(pins, 'control-plane', 'go.mod'), 'utf8'))?.[1];
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=${version}`;
  const args = ['build', '-trimpath', '-o', output, '-ldflags', flags, path];
  const { code, tail } = await runCommand(go, args, { cwd, env, heldFds });
  if (code !== 0) refuse(`build ${path}`, tail);
}

/**
 * What becomes of a node or a pod that nobody runs is data, and comes with the pinned kwok.
 * @param {string} go
 * @param {string} folder
 */
async function copyStages(go, folder) {
  const args = ['list', '-m', '-f', '{{.Dir}}', 'sigs.k8s.io/kwok'];
  const { code, stdout, tail } = await runCommand(go, args, { cwd: join(pins, 'companions'), env: goEnvironment() });
  if (code !== 0) refuse('find what kwok brings', tail);
  const stages = join(stdout.trim(), 'kustomize', 'stage');
  mkdirSync(join(folder, 'stages'));
  for (const from of ['node/fast', 'node/heartbeat-with-lease', 'pod/fast']) {
    for (const name of readdirSync(join(stages, from))) {
      if (/^(?:node|pod)-.*\.yaml$/.test(name)) cpSync(join(stages, from, name), join(folder, 'stages', name));
    }
  }
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
    remedy: "check the network and Go's configuration (go env GOPROXY) and the disk (6 GB), then run this again",
  });
}

if (isMain(import.meta.url)) {
  setPriority(15); // The tests beside it come first. What it starts inherits this.
  try {
    process.stdout.write(`${await ensureControlPlane()}\n`);
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error;
    process.stderr.write(`\n${describeFault(error)}`);
    process.exitCode = 1;
  }
}
