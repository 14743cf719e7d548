import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { ObjectStore, rclone } from '../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { RedisServer } from '../../coordinator/testing/redis-server.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { connectOperator } from '../../lab/rig/operator.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { freePlaces, startNode, until, writeSmallTrack } from './testing/small-node.ts';

const testudo = join(checkout, 'cli', 'testudo.ts');
const names = ['north', 'south', 'west'];
const workers = ['three', 'four', 'five', 'six'];

type Line = Readonly<{ typed: string; machines: readonly string[]; stays: boolean }>;

/** What the page tells to type, and where; and the file that it tells to write. */
function pageOf(): Readonly<{ yaml: string; lines: readonly Line[] }> {
  const text = readFileSync(join(checkout, 'docs', 'operations.md'), 'utf8');
  const [, section = ''] = /\n## From one machine to many\n([\s\S]*?)\n## /.exec(text) ?? [];
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  const lines = block
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, typed = '', where = '', stays] = /^(.*?) *# on ([a-z, ]+)(; stays)?$/.exec(line) ?? [];
      return { typed, machines: where.split(', '), stays: stays !== undefined };
    });
  return { yaml, lines };
}

/**
 * What stands for machines: a folder each, in which /etc and /var lie, and addresses of the loopback. `scp` copies between them;
 * `systemctl stop` asks the process to end, and waits for it. Everything else is what would run there.
 */
async function makeMachines(root: string): Promise<string> {
  const bin = join(root, 'bin');
  await mkdir(bin);
  const program = (name: string, lines: string) =>
    writeFile(join(bin, name), `#!/bin/bash\nset -e\n${lines}`, { mode: 0o755 });
  await program('testudo', `exec ${process.execPath} --disable-warning=ExperimentalWarning ${testudo} "$@"\n`);
  await program('scp', `to="\${@: -1}"; cp "\${@:1:$#-1}" "${root}/\${to/://}"\n`);
  await program(
    'systemctl',
    `[ "$*" = "stop testudo" ]; pid=$(cat "${root}/one/pid"); kill "$pid"; tail --pid="$pid" -f /dev/null\n`,
  );
  for (const machine of ['one', 'two', ...workers])
    await mkdir(join(root, machine, 'etc', 'testudo'), { recursive: true });
  return bin;
}

it('the ten commands of docs/operations.md take a federation from one machine to two coordinators, a database, a bucket and four workers', {
  timeout: 1_200_000,
}, async () => {
  const { yaml, lines } = pageOf();
  expect(lines.length).toBe(10);
  expect(lines.flatMap(({ typed, stays, machines }) => (typed.includes('worker') && stays ? machines : []))).toEqual(
    workers,
  );

  const database = await PostgresServer.start();
  onTestFinished(() => database.remove());
  const store = await ObjectStore.start(rclone(rclonePath()));
  onTestFinished(() => store.remove());
  const redis = await RedisServer.start();
  const places = { one: await freePlaces('127.0.0.1'), two: await freePlaces('127.0.0.2') };
  const root = tempDir();
  const bin = await makeMachines(root);
  const { endpoint, bucket, accessKeyId, secretAccessKey } = store.settings();
  const here = (text: string, machine: string) =>
    text
      .replaceAll(/\/(etc|var)\//g, `${join(root, machine)}/$1/`)
      .replaceAll(`:${join(root, machine)}/`, ':/') // The other end of a copy.
      .replaceAll('one.example.org:7442', places.one.federation)
      .replaceAll('two.example.org:7442', places.two.federation)
      .replaceAll('one.example.org', '127.0.0.1')
      .replaceAll('two.example.org', '127.0.0.2')
      .replace('postgres://testudo@db.example.org/testudo', database.url)
      .replace(/ *tls: .*\n/, '') // On loopback both speak in the clear.
      .replace('https://objects.example.org', endpoint)
      .replace('bucket: testudo', `bucket: ${bucket}`)
      .replace('rediss://:password@redis.example.org', redis.url);
  const run = (machine: string, typed: string): Readonly<{ child: ChildProcess; log: string }> => {
    const log = join(root, machine, 'log');
    const output = openSync(log, 'a');
    const { enrolment, federation, health } = places[machine as 'one' | 'two'] ?? places.one;
    const child = spawn('bash', ['-e', '-c', here(typed, machine)], {
      cwd: join(root, machine),
      stdio: ['ignore', output, output],
      env: {
        ...process.env,
        HOME: join(root, machine),
        XDG_CONFIG_HOME: join(root, machine, 'config'),
        PATH: [bin, process.env.PATH].join(delimiter),
        TESTUDO_LISTEN_ENROLMENT: enrolment,
        TESTUDO_LISTEN_FEDERATION: federation,
        TESTUDO_LISTEN_HEALTH: health,
        TESTUDO_LISTEN_DASHBOARD: health.replace(/\d+$/, '0'),
      },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return { child, log };
  };
  const said = (log: string) => (existsSync(log) ? readFileSync(log, 'utf8') : '');
  /** A command that ends; what it and those before it said on that machine. */
  const done = async (machine: string, typed: string) => {
    const { child, log } = run(machine, typed);
    const before = said(log).length;
    const [code] = (await once(child, 'exit')) as [number | null];
    const output = said(log).slice(before);
    expect({ typed, code, output }).toMatchObject({ typed, code: 0 });
    return output;
  };
  /** One that stays, up to where it says so. */
  const standing = async (machine: string, typed: string, isUp: (log: string) => Promise<boolean>) => {
    const before = said(join(root, machine, 'log')).length;
    const { child, log } = run(machine, `exec ${typed}`);
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${machine}: ${typed} ended:\n${said(log)}`);
      return (await isUp(said(log).slice(before))) || undefined;
    });
    return child;
  };
  const health = (machine: 'one' | 'two', path: string) =>
    fetch(`http://${places[machine].health}/${path}`).then(
      (page) => page.text(),
      () => '',
    );
  const isLeader = async (log: string) => log.includes('coordinator ready');

  // What is there before: one coordinator, as `init` makes it, three clusters, and a round.
  const config = join(root, 'one', 'etc', 'testudo', 'coordinator.yaml');
  await done('one', 'testudo coordinator init /etc/testudo --server-name one.example.org');
  const track = join(root, 'one', 'etc', 'testudo', 'syscall');
  await mkdir(track);
  await writeSmallTrack(track, names.length);
  const ofTrack =
    '{ id: syscall, spec: ./syscall/spec.json, model: ./syscall/model.bin, policy: ./syscall/policy.yaml }';
  await writeFile(config, (await readFile(config, 'utf8')).replace('\ntracks: []', `\ntracks: [${ofTrack}]`));
  const first = await standing('one', 'testudo coordinator --config /etc/testudo/coordinator.yaml', isLeader);
  await writeFile(join(root, 'one', 'pid'), String(first.pid));
  const credentials = unwrap(await readCredentials(join(root, 'one', 'etc', 'testudo', 'operator.json')));
  const operator = connectOperator(credentials, places.one.federation);
  for (const name of names) await startNode(root, name, operator, [places.one, places.two]);
  operator.close();
  const atOne = `--credentials /etc/testudo/operator.json --address one.example.org:7442`;
  const connected = (words: string) =>
    until(async () => {
      const { child, log } = run('one', `testudo clusters list --json ${words} > connected`);
      await once(child, 'exit');
      const rows = readFileSync(join(log, '..', 'connected'), 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean);
      return rows.filter((row) => (JSON.parse(row) as { connected: boolean }).connected).length === 3 || undefined;
    });
  await connected(atOne);
  await done('one', `testudo rounds open syscall --wait --reason "on one machine" ${atOne}`);

  // What the page says is wanted.
  const secrets = join(root, 'one', 'etc', 'testudo', 'secrets');
  await mkdir(secrets, { mode: 0o700 });
  const secret = (name: string, text: string) => writeFile(join(secrets, name), text, { mode: 0o600 });
  await secret('postgres-password', PostgresServer.password);
  await secret('s3-key-id', accessKeyId);
  await secret('s3-key', secretAccessKey);
  await writeFile(join(root, 'one', 'elsewhere.yaml'), here(yaml, 'one'));

  const started = new Map<string, ChildProcess>();
  const outputs: string[] = [];
  for (const { typed, machines, stays } of lines) {
    for (const machine of machines) {
      if (!stays) outputs.push(await done(machine, typed));
      else if (typed.includes('worker'))
        started.set(machine, await standing(machine, typed, async (log) => log.includes('worker ready')));
      else if (!typed.includes('--standby')) started.set(machine, await standing(machine, typed, isLeader));
      else
        started.set(
          machine,
          await standing(machine, typed, async () => (await health('two', 'readyz')).includes('is read')),
        );
    }
  }
  expect(outputs.find((text) => text.includes('moved to postgres'))).toMatch(/\d+ entries, chain \S+, as before/);

  await connected('');
  await done('one', 'testudo rounds open syscall --wait --reason "by a worker"');
  const byWorkers = () => workers.filter((machine) => said(join(root, machine, 'log')).includes('aggregation done'));
  expect(byWorkers()).not.toEqual([]);

  started.get('one')?.kill('SIGKILL');
  await until(async () =>
    (await health('two', 'metrics')).includes('testudo_coordinator_leads 1\n') ? true : undefined,
  );
  await connected('');
  await done('one', 'testudo rounds open syscall --wait --reason "one is gone"');
  const rounds = (await done('one', 'testudo rounds list syscall --json')).trim().split('\n');
  expect(rounds.map((row) => JSON.parse(row))).toEqual(
    ['r-3', 'r-2', 'r-1'].map((round) => expect.objectContaining({ round, phase: 'candidate' })),
  );
  expect(await done('one', 'testudo status || true')).toContain('syscall');
});
