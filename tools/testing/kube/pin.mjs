/**
 * `node tools/testing/kube/pin.mjs [KUBERNETES [KWOK [HELM]]]`: writes the four pin files below pins/ for another release.
 * Needs Go and the network; the files are committed, and everything else builds from them as they stand.
 *
 * `k8s.io/kubernetes` names its own libraries by folders (`=> ./staging/...`), which holds only where it is the main module,
 * and so `go install` refuses it. Here our module is the main one and names their published twins (v1.36.3 goes with
 * v0.36.3); the release's own main packages then build as they are. kwok and Helm have a module of their own: what
 * they ask for must not move a dependency of the control plane. The last step fails when one has moved.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGo, goEnvironment } from './go-toolchain.mjs';

const [kubernetes = 'v1.36.3', kwok = 'v0.8.0', helm = 'v4.2.4'] = process.argv.slice(2);
const libraries = kubernetes.replace(/^v1/, 'v0');
const pins = fileURLToPath(new URL('./pins', import.meta.url));
const go = await findGo();
if (go === undefined) throw new Error('Go is needed to write pins');

/** @type {{ GoMod: string }} */
const { GoMod } = JSON.parse(run('companions', ['mod', 'download', '-json', `k8s.io/kubernetes@${kubernetes}`]));
const release = readFileSync(GoMod, 'utf8');
const goLine = /^go .*$/m.exec(release)?.[0] ?? '';
const etcd = /go\.etcd\.io\/etcd\/server\/v3 (\S+)/.exec(release)?.[1];
const staged = [...release.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(
  ([, path]) => `\t${path} => ${path} ${libraries}`,
);

write('control-plane', [
  ...[goLine, /^godebug .*$/m.exec(release)?.[0] ?? ''],
  block('tool', [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'].map(
      (c) => `k8s.io/kubernetes/cmd/${c}`,
    ),
    'go.etcd.io/etcd/server/v3',
  ]),
  block('require', [`k8s.io/kubernetes ${kubernetes}`, `go.etcd.io/etcd/server/v3 ${etcd}`]),
  `replace (\n${staged.join('\n')}\n)`,
]);
const helmModule = `helm.sh/helm/${helm.split('.')[0]}`;
write('companions', [
  goLine,
  block('tool', ['sigs.k8s.io/kwok/cmd/kwok', `${helmModule}/cmd/helm`]),
  block('require', [`sigs.k8s.io/kwok ${kwok}`, `${helmModule} ${helm}`]),
]);
for (const module of ['control-plane', 'companions']) {
  run(module, ['mod', 'tidy']);
  run(module, ['mod', 'verify']);
}

const theirs = new Map(
  [...release.matchAll(/^(?:require)?\s*(\S+\.\S+) (v[1-9]\S*|v0\.(?!0\.0\s)\S*)/gm)].map(([, path, version]) => [
    path,
    version,
  ]),
);
const ours = run('control-plane', ['list', '-m', '-f', '{{.Path}} {{.Version}}', 'all']).split('\n');
const moved = ours
  .map((line) => line.split(' '))
  .filter(([path, version]) => theirs.has(path) && theirs.get(path) !== version);
if (moved.length > 0) throw new Error(`these are not the release's own any more: ${moved.join('; ')}`);
process.stdout.write(`pinned ${kubernetes}, etcd ${etcd}, kwok ${kwok}, Helm ${helm}\n`);

/** @param {string} word @param {readonly string[]} lines */
function block(word, lines) {
  return `${word} (\n${lines.map((line) => `\t${line}`).join('\n')}\n)`;
}

/** @param {string} module @param {readonly string[]} parts */
function write(module, parts) {
  const text = ['// Written by tools/testing/kube/pin.mjs.', `module testudo.test/${module}`, ...parts].join('\n\n');
  writeFileSync(join(pins, module, 'go.mod'), `${text}\n`);
  rmSync(join(pins, module, 'go.sum'), { force: true });
}

/** @param {string} module @param {readonly string[]} args */
function run(module, args) {
  const env = goEnvironment({ GOFLAGS: '-mod=mod' });
  const options = /** @type {const} */ ({ cwd: join(pins, module), env, encoding: 'utf8', maxBuffer: 1 << 26 });
  return execFileSync(/** @type {string} */ (go), args, options).trim();
}
