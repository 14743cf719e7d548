import { execFile, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { otherNode, withoutOptions } from '../../cli/testing/other-node.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { cachedDist } from '../images/dist.ts';
import { packPackage } from './pack.ts';

const run = promisify(execFile);
const other = otherNode();
let folder: string;
let installed: string;
let environment: NodeJS.ProcessEnv;

/** A machine with Node alone: nothing in its home, nothing in npm's cache, and no way to the registry. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-install-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  environment = { HOME: home, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  const { file } = await packPackage(await cachedDist(), join(folder, 'out'));
  const prefix = join(folder, 'prefix');
  const { stdout } = await run('npm', ['install', '--global', '--offline', '--prefix', prefix, file], {
    env: environment,
    cwd: home,
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
    expect(testudo(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
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

  it('says in one line what to type where TensorFlow is needed, and finds it where an add-on brought it', () => {
    const without = testudo(firstModel('network', 'lstm-lm'));
    expect({ status: without.status, stdout: without.stdout }).toEqual({ status: 1, stdout: '' });
    expect(without.stderr).toMatch(
      /^ADD_ON_MISSING: the native TensorFlow library is not ready: run `testudo setup`.*\n$/,
    );

    const { addOns } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { addOns: string };
    const place = join(folder, 'add-ons', addOns);
    mkdirSync(place, { recursive: true });
    symlinkSync(join(checkout, 'node_modules'), join(place, 'node_modules'));
    const elsewhere = { TESTUDO_ADD_ONS: join(folder, 'add-ons') };
    expect(testudo(firstModel('network', 'lstm-lm'), elsewhere)).toMatchObject({ status: 0, stderr: '' });
  });
});
