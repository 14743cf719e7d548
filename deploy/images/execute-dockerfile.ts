/**
 * `npm run campaign:dockerfile -- NAME …`: executes Dockerfiles with buildah, from a base that mmdebstrap makes, since no registry of
 * images is asked, and holds what comes out against our own build: every entry of the tree, and how the image runs. Ends with 0;
 * with 1 where something differs; with 2 where the command line is wrong. What buildah, Debian or npm refused is thrown. Needs
 * root, buildah, mmdebstrap and 6 GB below TMPDIR; takes some ten minutes an image.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import { unwrap } from '../../base/fault.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { buildImage, cachedIngredients } from './build.ts';
import { type ImageName, imageNames } from './images.ts';
import { type LayerEntry, type ReadImage, readImage, readLayer } from './oci/read-oci.ts';

const run = promisify(execFile);

/** Where Debian keeps the authorities that this machine trusts: a build behind a proxy needs them, too. */
const authorities = '/etc/ssl/certs/ca-certificates.crt';
/** What tells pip and Node of them, and how patient this machine wants pip to be. */
const passedOn = { PIP_CERT: authorities, NODE_EXTRA_CA_CERTS: authorities, PIP_DEFAULT_TIMEOUT: '180' };

const { positionals } = parseArgs({ allowPositionals: true });
const names = positionals.map((text) => imageNames.find((name) => name === text));
if (names.length === 0 || names.includes(undefined)) {
  process.stderr.write(`usage: npm run campaign:dockerfile -- ${imageNames.join(' | ')} …\n`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'testudo-dockerfile-'));
try {
  await makeBase();
  for (const name of names as ImageName[]) {
    const { entries, differences } = await compare(name);
    for (const line of differences.slice(0, 40)) process.stdout.write(`${line}\n`);
    const counted = `${differences.length} differences between the Dockerfile's image and ours`;
    process.stdout.write(`${name}: ${counted}, in ${entries} entries\n`);
    if (differences.length > 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A Debian as small as `debian:bookworm-slim`, under a name of this machine's own. */
async function makeBase(): Promise<void> {
  const tree = join(folder, 'base.tar');
  await run('mmdebstrap', ['--variant=minbase', 'bookworm', tree], { maxBuffer: 1 << 26 });
  const container = (await buildah(['from', 'scratch'])).trim();
  await buildah(['add', container, tree, '/']);
  if (existsSync(authorities)) {
    await buildah(['copy', container, authorities, '/usr/local/share/ca-certificates/of-this-machine.crt']);
    const env = Object.entries(passedOn).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    await buildah(['config', ...env, container]);
  }
  await buildah(['commit', '--disable-compression', container, 'testudo-base']);
  await buildah(['rm', container]);
  rmSync(tree);
}

/** `differences`, in words: what the Dockerfile's image has, lacks or says otherwise than our own of so many entries. */
async function compare(name: ImageName): Promise<Readonly<{ entries: number; differences: readonly string[] }>> {
  const ingredients = await cachedIngredients();
  const ours = await buildImage(name, ingredients, join(folder, `ours-${name}`));
  const args = ['--build-arg', 'BASE=localhost/testudo-base', '--build-arg', `VERSION=${ours.version}`];
  const file = ['--file', join(checkout, 'deploy', 'images', `Dockerfile.${name}`)];
  // No daemon and no runtime: steps run in a chroot. Buildah's own label would be a difference of no interest.
  await buildah(['build', '--isolation=chroot', '--identity-label=false', ...args, ...file, '--tag', name, checkout]);
  const theirs = join(folder, `theirs-${name}`);
  await buildah(['push', name, `oci:${theirs}:${ours.version}`]);
  const [left, right] = [unwrap(await readImage(ours.layout)), unwrap(await readImage(theirs))];
  const trees = [await treeOf(ours.layout, left), await treeOf(theirs, right)] as const;
  const differences = [...differencesOfConfigs(left, right), ...differencesOfTrees(...trees)];
  return { entries: trees[0].size, differences };
}

type Tree = ReadonlyMap<string, LayerEntry>;

async function treeOf(layout: string, { manifest, config }: ReadImage): Promise<Tree> {
  const tree = new Map<string, LayerEntry>();
  for (const [at, layer] of manifest.layers.entries()) {
    const entries = unwrap(await readLayer(layout, layer, config.rootfs.diff_ids[at] ?? ''));
    for (const entry of entries) tree.set(entry.path, entry);
  }
  return tree;
}

/** Times are an engine's own; owners, modes, kinds, links and bytes are not. */
function differencesOfTrees(ours: Tree, theirs: Tree): string[] {
  const said = (entry: LayerEntry | undefined) => {
    if (entry === undefined) return 'nothing';
    const { kind, mode, uid, gid, target, sha256 = '' } = entry;
    return `${kind} ${kind === 'link' ? target : mode.toString(8)} ${uid}:${gid} ${sha256.slice(0, 12)}`.trimEnd();
  };
  const paths = [...new Set([...ours.keys(), ...theirs.keys()])].filter((path) => path !== '').sort();
  return paths
    .map((path) => [path, said(ours.get(path)), said(theirs.get(path))] as const)
    .filter(([, left, right]) => left !== right)
    .map(([path, left, right]) => `/${path}: ours ${left}, theirs ${right}`);
}

function differencesOfConfigs(ours: ReadImage, theirs: ReadImage): string[] {
  const [left, right] = [ours.config.config, theirs.config.config] as unknown as Record<string, JsonValue>[];
  const text = (value: JsonValue | undefined) => Buffer.from(canonicalBytes(value ?? null)).toString('utf8');
  return [...new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])]
    .sort()
    .filter((key) => text(left?.[key]) !== text(right?.[key]))
    .map((key) => `config.${key}: ours ${text(left?.[key])}, theirs ${text(right?.[key])}`);
}

/** What buildah printed; what it does meanwhile goes to standard error. Its store is a folder of this run's own. */
async function buildah(args: readonly string[]): Promise<string> {
  const own = ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), '--storage-driver', 'overlay'];
  const child = spawn('buildah', [...own, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (args[0] === 'build') process.stderr.write(text);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`buildah ${args[0]} ended with ${code}`);
  return out;
}
