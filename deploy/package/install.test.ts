import { execFile, spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, sep } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readKey } from '../../cli/operator/root-files.ts';
import { otherNode, withoutOptions } from '../../cli/testing/other-node.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { cachedDist } from '../images/dist.ts';
import { publishPackage } from './publish.ts';

const run = promisify(execFile);
const other = otherNode();
let folder: string;
let installed: string;
let environment: NodeJS.ProcessEnv;
let published: string;

/** A machine with Node alone: nothing in its home, nothing in npm's cache, and no way to the registry. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-install-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  environment = { HOME: home, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  published = join(folder, 'out');
  mkdirSync(published);
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(published, 'publisher.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  await publishPackage(await cachedDist(), published, [readKey(join(folder, 'key.pem'))]);
  const prefix = join(folder, 'prefix');
  // As the README says it, letter by letter: npm takes some ways of naming a file for a repository's name.
  const [, typed = ''] =
    /`(npm install -g [^`]+)` on any machine/.exec(readFileSync(join(checkout, 'README.md'), 'utf8')) ?? [];
  const { stdout } = await run('sh', ['-ec', typed], {
    env: { ...environment, npm_config_prefix: prefix, npm_config_offline: 'true' },
    cwd: folder,
  });
  expect(stdout).toContain('added 1 package');
  installed = join(prefix, 'lib', 'node_modules', 'testudo');
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function testudo(words: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const program = join(folder, 'prefix', 'bin', 'testudo');
  const env = { ...environment, ...more };
  const { status, stdout, stderr } = spawnSync(program, words, { env, cwd: environment.HOME, encoding: 'utf8' });
  return { status, stdout, stderr };
}

const firstModel = (name: string, detector: string) =>
  ['model', 'init', name, '--classes', 'nginx', 'redis', '--detector', detector] as const;

describe('the package, installed where nothing but Node is', () => {
  it('takes at most 120 MB, and brings no TensorFlow, no ONNX Runtime, and no script that npm would run but one that only warns', () => {
    let bytes = 0;
    const scripts: string[] = [];
    for (const name of readdirSync(installed, { recursive: true, encoding: 'utf8' })) {
      bytes += lstatSync(join(installed, name)).blocks * 512;
      expect(name).not.toMatch(/node_modules\/(?:@tensorflow|onnxruntime-node)(?:\/|$)/);
      if (!/node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(name)) continue;
      const declared = JSON.parse(readFileSync(join(installed, name), 'utf8')) as { scripts?: Record<string, string> };
      const { preinstall, install, postinstall } = declared.scripts ?? {};
      scripts.push(...[preinstall, install, postinstall].flatMap((script) => (script ? [`${name}: ${script}`] : [])));
    }
    const warns = ['onnx-proto/node_modules/protobufjs', 'protobufjs'];
    expect(scripts.sort()).toEqual(warns.map((name) => `node_modules/${name}/package.json: node scripts/postinstall`));
    expect(bytes).toBeLessThanOrEqual(120e6);
    expect(bytes).toBeGreaterThan(20e6);
  });

  it('answers, and makes a first model of the default detector, without asking for an add-on', () => {
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    const { build } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(build).toMatch(/^[0-9a-f]{12}$/);
    expect(testudo(['--version'])).toEqual({ status: 0, stdout: `${version}+${build}\n`, stderr: '' });
    expect(testudo(['--help'])).toMatchObject({ status: 0, stderr: '' });
    // All verbs are loaded for the last two.
    for (const words of ['demo --help', 'drill list', 'completion bash', 'man --to manual']) {
      expect({ words, ...testudo(words.split(' ')) }).toMatchObject({ words, status: 0, stderr: '' });
    }
    expect(testudo(firstModel('counts', 'two-views'))).toMatchObject({ status: 0, stderr: '' });
    const schema = JSON.parse(readFileSync(join(installed, 'schemas', 'rounds-list.json'), 'utf8'));
    expect(schema).toMatchObject({ $id: 'urn:testudo:json:rounds-list:1' });
    const manual = join(folder, 'prefix', 'share', 'man', 'man1', 'testudo-rounds.1');
    expect(readFileSync(manual, 'utf8')).toContain('.TH TESTUDO-ROUNDS 1');
  });

  it('loads a track of one’s own, which reaches our modules and packages by name', () => {
    const place = join(folder, 'verbs');
    mkdirSync(place);
    const source = readFileSync(join(checkout, 'client', 'tracks', 'testing', 'verb-shares', 'track.ts'), 'utf8');
    const parents = { '../../../../': 'testudo/', '../../../': 'testudo/client/', '../../': 'testudo/client/tracks/' };
    const byName = Object.entries(parents).reduce((text, [from, to]) => text.replaceAll(`'${from}`, `'${to}`), source);
    writeFileSync(join(place, 'track.ts'), byName);
    const made = testudo(['model', 'init', join(folder, 'first-verbs'), '--track', place]);
    expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining('tracks put verbs '), stderr: '' });
  });

  it.skipIf(other === undefined)('says in one line which Node it needs, on a real other one', () => {
    const program = join(folder, 'prefix', 'bin', 'testudo');
    for (const words of [['--version'], ['status'], ['client', '--config', 'none.yaml']]) {
      const { status, stdout, stderr } = spawnSync(other as string, [program, ...words], {
        env: withoutOptions(),
        encoding: 'utf8',
      });
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toMatch(
        /^Testudo needs Node 22 \(22\.15 or newer\), and this is Node \d+\.\d+\.\d+: install .*\n$/,
      );
    }
  });

  it('says in one line what to type where TensorFlow is needed', () => {
    const without = testudo(firstModel('network', 'lstm-lm'));
    expect({ status: without.status, stdout: without.stdout }).toEqual({ status: 1, stdout: '' });
    expect(without.stderr).toMatch(
      /^ADD_ON_MISSING: the native TensorFlow library is not ready: run `testudo setup`.*\n$/,
    );
  });

  it('fetches native TensorFlow with `testudo setup`, which another user of the machine then computes with', async () => {
    const place = join(folder, 'add-ons');
    // npm holds what its own cache gives it to the hashes of the lock. pip fetches the library, and ours is not in any cache.
    const { stdout: cache } = await run('npm', ['config', 'get', 'cache'], { cwd: folder });
    const setUp = () => testudo(['setup', '--to', place], { npm_config_cache: cache.trim() });
    const first = setUp();
    expect(first, first.stderr).toMatchObject({ status: 0, stdout: expect.stringMatching(/^ready: /) });
    expect(first.stderr).toContain('download tensorflow-cpu==');
    expect(first.stderr).toContain('verify native TensorFlow by a matrix multiplication');
    expect(setUp()).toEqual({ ...first, stderr: '' }); // All is there.

    const root = realpathSync(first.stdout.slice('ready: '.length).trim());
    let count = 0;
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const path = join(root, name);
      const { mode } = lstatSync(path);
      if ((mode & constants.S_IFMT) === constants.S_IFLNK) {
        expect([name, realpathSync(path).startsWith(root + sep)]).toEqual([name, true]);
      } else expect([name, mode & 0o044]).toEqual([name, 0o044]);
      count += 1;
    }
    expect(count).toBeGreaterThan(500);
    const made = asAnotherUser(firstModel('network', 'lstm-lm'), { TESTUDO_ADD_ONS: place });
    expect(made, made.stderr).toMatchObject({ status: 0, stderr: '' });
    for (const name of ['vega', 'vega-lite', 'onnxruntime-node']) {
      const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `await import('${name}')`], {
        env: { PATH: environment.PATH },
        cwd: root,
        encoding: 'utf8',
      });
      expect({ name, status, stderr }).toEqual({ name, status: 0, stderr: '' });
    }
  }, 1_800_000);
});

describe('what comes with the package', () => {
  it('names in a bill of materials every package that is in the archive, and nothing else', () => {
    const inArchive = new Set<string>();
    for (const name of readdirSync(installed, { recursive: true, encoding: 'utf8' })) {
      if (!/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(name)) continue;
      const { name: of, version } = JSON.parse(readFileSync(join(installed, name), 'utf8')) as Record<string, string>;
      inArchive.add(`${of}@${version}`);
    }
    expect(inArchive.size).toBeGreaterThan(50);
    const bill = JSON.parse(readFileSync(beside('sbom.json'), 'utf8'));
    const refs = (bill.components as { 'bom-ref': string }[]).map((component) => component['bom-ref']);
    expect(refs).toEqual([...inArchive].sort());
    expect(bill.metadata.component.hashes).toEqual([{ alg: 'SHA-256', content: sha256Of(archive()) }]);
  });

  it('is verified by what docs/setup.md tells to type, and by nothing of ours; anything that was changed is refused', () => {
    const [, recipe = ''] = /verifies it[\s\S]*?```sh\n([\s\S]*?)```/.exec(docs('setup.md')) ?? [];
    expect(recipe).toContain('openssl pkeyutl -verify');
    const name = basename(archive());
    const typed = recipe.replaceAll('testudo-VERSION.tgz', name);
    const verified = (change: (file: (suffix: string) => string) => void) => {
      const carried = mkdtempSync(join(folder, 'carried-'));
      cpSync(published, carried, { recursive: true });
      change((suffix) => join(carried, `${name}${suffix}`));
      const { status, stdout } = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', typed], {
        cwd: carried,
        env: environment,
        encoding: 'utf8',
      });
      return { status, last: stdout.trimEnd().split('\n').at(-1) };
    };
    expect(verified(() => undefined)).toEqual({ status: 0, last: '1' });
    const rehash = (file: (suffix: string) => string) =>
      writeFileSync(file('.sha256'), `${sha256Of(file(''))}  ${name}\n`);
    const spoil = (path: string) => writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.from('x')]));
    expect(verified((file) => spoil(file(''))).status).not.toBe(0);
    expect(
      verified((file) => {
        spoil(file(''));
        rehash(file); // As whoever changed it would.
      }),
    ).toMatchObject({ status: 1, last: '0' });
    expect(
      verified((file) => {
        const path = file('.provenance.dsse.json');
        const envelope = JSON.parse(readFileSync(path, 'utf8'));
        spoil(file(''));
        rehash(file);
        const statement = Buffer.from(envelope.payload, 'base64').toString();
        const other = statement.replace(sha256Of(archive()), sha256Of(file('')));
        writeFileSync(path, JSON.stringify({ ...envelope, payload: Buffer.from(other).toString('base64') }));
      }),
    ).toMatchObject({ status: 1, last: expect.stringContaining('Failure') });
  });
});

function archive(): string {
  const [name] = readdirSync(published).filter((file) => file.endsWith('.tgz'));
  return join(published, name as string);
}

function beside(suffix: string): string {
  return `${archive()}.${suffix}`;
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function docs(page: string): string {
  return readFileSync(join(checkout, 'docs', page), 'utf8');
}

/** As nobody where we may become somebody, else as ourselves, at another home: with a Node that everybody can run. */
function asAnotherUser(words: readonly string[], more: NodeJS.ProcessEnv) {
  const home = join(folder, 'another');
  const bin = join(folder, 'bin');
  for (const path of [home, bin]) mkdirSync(path);
  copyFileSync(process.execPath, join(bin, 'node'), constants.COPYFILE_FICLONE);
  chmodSync(join(bin, 'node'), 0o755);
  chmodSync(home, 0o777);
  chmodSync(folder, 0o755);
  const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const env = { HOME: home, PATH: [bin, '/usr/bin', '/bin'].join(delimiter), ...more };
  const program = join(folder, 'prefix', 'bin', 'testudo');
  const { status, stdout, stderr } = spawnSync(program, words, { env, cwd: home, encoding: 'utf8', ...nobody });
  return { status, stdout, stderr };
}
