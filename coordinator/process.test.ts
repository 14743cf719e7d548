import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runTestudo } from '../cli/testing/command-line.ts';
import { endWithFile } from '../tools/testing/end-with-file.mjs';
import { RedisServer } from './testing/redis-server.ts';
import { tempDir } from './testing/temp-dir.ts';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const settings = ['enrolment', 'federation', 'health', 'dashboard'].map((name) => `listen.${name}=127.0.0.1:0`);

type Run = Readonly<{ code: number | null; stdout: string; stderr: string }>;

/** What is done beside a coordinator on its machine in a process of its own; what asks it, in the one that asks for this file. */
async function testudo(...args: string[]): Promise<Run> {
  if (args[0] !== 'coordinator') {
    const { code, out: stdout, error: stderr } = await runTestudo(...args);
    return { code, stdout, stderr };
  }
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** A coordinator process that is ready, and its federation address. */
async function start(config: string): Promise<Readonly<{ child: ChildProcess; address: string }>> {
  const child = spawn(process.execPath, [cli, 'coordinator', '--config', config, '--set', ...settings], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (!line.includes('"coordinator ready"')) continue;
    child.stderr.resume(); // What it says later must not fill the pipe.
    return { child, address: (JSON.parse(line) as { addresses: { federation: string } }).addresses.federation };
  }
  throw new Error(`it ended instead of being ready:\n${lines.join('\n')}`);
}

let made: Promise<string> | undefined;

/** What `coordinator init` makes in a folder: made once, and copied for each test. */
async function init(): Promise<Readonly<{ folder: string; config: string; credentials: string }>> {
  made ??= (async () => {
    const folder = tempDir((remove) => endWithFile(async () => remove()));
    const said = await testudo('coordinator', 'init', folder, '--federation', 'herd', '--admin', 'ada');
    expect(said).toMatchObject({ code: 0, stderr: '' });
    return folder;
  })();
  const folder = tempDir();
  cpSync(await made, folder, { recursive: true });
  return { folder, config: join(folder, 'coordinator.yaml'), credentials: join(folder, 'operator.json') };
}

it('a coordinator whose Redis is gone says so once in its log, and nothing else of it, to its end', async () => {
  const redis = await RedisServer.start();
  const { config } = await init();
  const set = [...settings, `redis.url=${redis.url}`];
  const child = spawn(process.execPath, [cli, 'coordinator', '--config', config, '--set', ...set], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    lines.push(line);
    if (line.includes('"coordinator ready"')) redis.kill();
    if (line.includes('"REDIS_LOST"')) child.kill('SIGTERM');
  }
  expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
  expect(lines.filter((line) => line.includes('"REDIS_LOST"'))).toHaveLength(1);
  expect(lines.at(-1)).toContain('coordinator closed');
}, 600_000);

// Some thirty processes after one another: seconds on a quiet machine, minutes on a busy one.
describe('testudo coordinator', () => {
  it('is made, started, operated and stopped from the command line', async () => {
    const { folder, config, credentials } = await init();
    for (const name of ['coordinator.yaml', 'master.key', 'operator.json']) {
      expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
    }
    expect(await testudo('coordinator', 'init', folder)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CREDENTIALS_EXIST'),
    });

    const { child, address } = await start(config);
    const at = ['--credentials', credentials, '--address', address];
    writeFileSync(
      join(folder, 'spec.json'),
      '{"architecture":"t/1","hyperparameters":{},"tensors":[{"name":"w","shape":[3]}]}',
    );
    writeFileSync(join(folder, 'model.bin'), Buffer.from(new Float32Array([1, 2, 3]).buffer));
    writeFileSync(join(folder, 'policy.yaml'), 'aggregation: { f: 0, before: [], rule: { kind: krum } }');
    const files = ['--spec', join(folder, 'spec.json'), '--model', join(folder, 'model.bin')];
    const put = ['tracks', 'put', 'syscall', '--reason', 'first', '--policy', join(folder, 'policy.yaml')];
    expect((await testudo(...put, ...files, ...at)).stdout).toContain('version 0');
    const quorum =
      'aggregation: { f: 3, before: [], rule: { kind: krum } }\nrounds: { quorum: { kind: count, updates: 5 } }';
    writeFileSync(join(folder, 'policy.yaml'), quorum);
    expect(await testudo(...put, ...files, ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('POLICY_INVALID'),
    });

    const token = await testudo('tokens', 'create', 'eu-1', ...at);
    expect(token).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^testudo1\.[a-z0-9]+\.[\w-]+\.[0-9a-f]{64}\n$/),
    });
    const tokens = await testudo('tokens', 'list', '--json', ...at);
    expect(JSON.parse(tokens.stdout)).toMatchObject({ cluster: 'eu-1', revoked: false, usedAtMs: 0 });
    expect((await testudo('rounds', 'open', 'syscall', '--reason', 'try', ...at)).stdout).toBe(
      'r-1 of syscall is open\n',
    );
    expect((await testudo('rounds', 'cancel', 'syscall', 'r-1', '--reason', 'enough', ...at)).code).toBe(0);
    expect((await testudo('rounds', 'list', 'syscall', ...at)).stdout).toContain('abandoned (CANCELLED)');
    expect((await testudo('rounds', 'show', 'syscall', '1', ...at)).stdout).toMatch(/^round +r-1 of syscall$/m);
    expect(await testudo('rounds', 'list', 'sycsall', ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('TRACK_NOT_FOUND: there is no track sycsall; did you mean syscall?'),
    });
    const audit = (await testudo('audit', 'list', '--from', '1', '--json', ...at)).stdout;
    expect(
      audit
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).sequence),
    ).toEqual(Array.from({ length: audit.trimEnd().split('\n').length }, (_, index) => index + 1));
    expect(await testudo('rounds', 'show', 'syscall', 'r-77', ...at)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ROUND_NOT_FOUND'),
    });
    expect((await testudo('rounds', 'nonsense', ...at)).code).toBe(2);

    const bob = join(folder, 'bob.json');
    expect((await testudo('operators', 'add', 'bob', '--role', 'viewer', '--out', bob, ...at)).code).toBe(2);
    const why = ['--reason', 'joins the night shift'];
    expect((await testudo('operators', 'add', 'bob', '--role', 'viewer', '--out', bob, ...why, ...at)).code).toBe(0);
    expect((await testudo('audit', 'list', '--rows', '500', ...at)).stdout).toContain('operatorAdded');
    const joined = (await testudo('audit', 'list', '--rows', '500', '--json', ...at)).stdout.trimEnd().split('\n');
    expect(joined.some((line) => JSON.parse(line).eventJson.includes('joins the night shift'))).toBe(true);
    const asBob = ['--credentials', bob, '--address', address];
    expect((await testudo('clusters', 'list', ...asBob)).code).toBe(0);
    expect(await testudo('tokens', 'create', 'x', ...asBob)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ROLE_INSUFFICIENT'),
    });
    expect((await testudo('operators', 'renew', ...asBob)).code).toBe(0);
    expect((await testudo('clusters', 'list', ...asBob)).code).toBe(0);

    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect((await testudo('clusters', 'list', ...at)).code).toBe(3);
  });

  it('has one data directory to itself: a second process is refused and the first goes on', async () => {
    const { config, credentials } = await init();
    const { address } = await start(config);
    const second = await testudo('coordinator', '--config', config, '--set', ...settings);
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('DATA_DIR_LOCKED') });
    expect((await testudo('clusters', 'list', '--credentials', credentials, '--address', address)).code).toBe(0);
    const other = await init();
    const taken = [
      '--set',
      'listen.enrolment=127.0.0.1:0',
      `listen.federation=${address}`,
      'listen.health=127.0.0.1:0',
      'listen.dashboard=127.0.0.1:0',
    ];
    const third = await testudo('coordinator', '--config', other.config, ...taken);
    expect(third).toMatchObject({ code: 1, stderr: expect.stringMatching(/^PORT_UNAVAILABLE: .*`listen`$/m) });
  });

  it('says everything that is wrong with a configuration, and that a master key is the wrong one', async () => {
    const { folder, config } = await init();
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(wrong, 'federation: HERD\nspeed: 11\n');
    const refused = await testudo('coordinator', '--config', wrong);
    expect(refused.code).toBe(1);
    for (const part of ['CONFIG_INVALID', 'federation', 'speed', 'masterKey', 'dataDirectory']) {
      expect(refused.stderr).toContain(part);
    }
    writeFileSync(join(folder, 'master.key'), 'another key, but long enough\n', { mode: 0o600 });
    expect(await testudo('coordinator', '--config', config, '--set', ...settings)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('MASTER_KEY_WRONG'),
    });
  });

  it('lets the root key go offline while it runs, and takes it back for a new issuer', async () => {
    const { folder, config, credentials } = await init();
    const { child, address } = await start(config);
    const rootKey = join(folder, 'root.key');
    const exportRoot = ['coordinator', 'export-root', '--config', config, '--to', rootKey];
    // Neither key moves where one of the two names is somebody's.
    for (const taken of [rootKey, `${rootKey}.releases`]) {
      writeFileSync(taken, 'precious');
      const message = `OUTPUT_EXISTS: ${taken} is there already; name another place, or move it away first`;
      expect(await testudo(...exportRoot)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
      expect(readFileSync(taken, 'utf8')).toBe('precious');
      rmSync(taken);
      for (const key of ['root-key', 'release-root-key'])
        expect(existsSync(join(folder, 'data', 'keys', key))).toBe(true);
    }
    const same = await testudo(...exportRoot, '--releases-to', rootKey);
    expect(same).toMatchObject({ code: 2, stderr: expect.stringContaining('USAGE: --releases-to') });
    expect((await testudo(...exportRoot)).code).toBe(0);
    expect(readFileSync(rootKey, 'utf8')).toContain('BEGIN PRIVATE KEY');
    expect(existsSync(join(folder, 'data', 'keys', 'root-key'))).toBe(false);
    const releases = createPrivateKey(readFileSync(`${rootKey}.releases`, 'utf8'));
    expect(releases.asymmetricKeyType).toBe('ed25519');
    expect(existsSync(join(folder, 'data', 'keys', 'release-root-key'))).toBe(false);
    expect(await testudo(...exportRoot)).toMatchObject({ code: 1, stderr: expect.stringContaining('ROOT_KEY_ABSENT') });
    const renew = ['coordinator', 'renew-issuer', '--config', config];
    expect(await testudo(...renew)).toMatchObject({ code: 1, stderr: expect.stringContaining('ROOT_KEY_ABSENT') });
    // Nothing that it does from here on asks for a root key: it enrols, it signs, and it starts again.
    const at = ['--credentials', credentials, '--address', address];
    expect((await testudo('operators', 'renew', ...at)).code).toBe(0);
    expect((await testudo('root', 'keys', ...at)).code).toBe(0);
    expect((await testudo(...renew, '--root-key', rootKey)).code).toBe(0);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    await start(config);
  });
});
