import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { ObjectStore, rclone } from '../../coordinator/testing/object-store.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { type Addresses, startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import { startMember } from '../../lab/rig/member.ts';
import { connectOperator } from '../../lab/rig/operator.ts';
import { RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { runTestudo } from '../testing/command-line.ts';
import { freePlaces, startNode, until, writeSmallTrack } from './testing/small-node.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
const names = ['north', 'south', 'west'];

/** One configuration for leader and standby, or one for each where they are on machines of their own. */
type Configs = Readonly<{ leader: string; standby: string }>;

/** A federation whose journal is in a database, as its operator makes it; its bytes in a folder that both mount, or in a bucket. */
async function found(folder: string, server: PostgresServer, store: ObjectStore | undefined): Promise<Configs> {
  await mkdir(folder, { recursive: true });
  const secret = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return { file: `./${name}` };
  };
  const masterKey = await secret('master.key', `${'ab'.repeat(32)}\n`);
  const password = await secret('password', PostgresServer.password);
  await writeSmallTrack(folder, names.length);
  const settings = {
    federation: 'herd',
    dataDirectory: './data',
    listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
    serverNames: ['127.0.0.1'],
    masterKey,
    journal: { postgres: { address: server.url, password, leaseSeconds: 2 } },
    tracks: [{ id: 'syscall', spec: './spec.json', model: './model.bin', policy: './policy.yaml' }],
    ...(store && { blobs: { s3: await inBucket(store, secret) } }),
  };
  const leader = join(folder, 'coordinator.yaml');
  await writeFile(leader, JSON.stringify(settings));
  const founded = await runTestudo('coordinator', 'init', folder);
  expect(founded).toMatchObject({ code: 0 });
  if (store === undefined) return { leader, standby: leader };
  const standby = join(folder, 'standby.yaml');
  await writeFile(standby, JSON.stringify({ ...settings, dataDirectory: './standby-data' }));
  return { leader, standby };
}

async function inBucket(store: ObjectStore, secret: (name: string, text: string) => Promise<object>) {
  const { endpoint, bucket, accessKeyId, secretAccessKey } = store.settings();
  const credentials = {
    accessKeyId: await secret('s3-key-id', accessKeyId),
    secretAccessKey: await secret('s3-key', secretAccessKey),
  };
  return { endpoint, bucket, credentials };
}

it.each([
  // The first update is durable, and nobody has heard of it.
  { bytes: 'in a folder that both mount', failpoint: 'update-journalled' },
  // All are receipted, and what they are lies on the leader's disk and in the bucket.
  { bytes: 'in a bucket', failpoint: 'updates-opened' },
])(
  'a leader that dies amid a round is followed by its standby, where clients go on with it and operators find it by themselves: bytes $bytes',
  {
    timeout: 600_000,
  },
  async ({ bytes, failpoint }) => {
    const server = await PostgresServer.start();
    onTestFinished(() => server.remove());
    const store = bytes === 'in a bucket' ? await ObjectStore.start(rclone(rclonePath())) : undefined;
    onTestFinished(() => store?.remove());
    const folder = join(tempDir(), 'coordinator');
    const configs = await found(folder, server, store);
    const nodes = [await freePlaces(), await freePlaces()] as const;
    const listening = ({ enrolment, federation, health }: Addresses) => [
      '--set',
      ...[`listen.enrolment=${enrolment}`, `listen.federation=${federation}`, `listen.health=${health}`],
    ];
    const logFile = `${folder}.log`;
    const env = { TESTUDO_FAILPOINT: failpoint };
    const config = configs.leader;
    const leader = await startCoordinatorProcess({ testudo, config, logFile, env, words: listening(nodes[0]) });
    onTestFinished(() => leader.member.kill());
    const standby = await startMember({
      name: 'standby',
      args: [testudo, 'coordinator', '--config', configs.standby, '--standby', ...listening(nodes[1])],
      logFile: `${folder}-standby.log`,
    });
    onTestFinished(() => standby.stop(600_000));
    const health = (path: string) =>
      fetch(`http://${nodes[1].health}/${path}`).then(
        (page) => page,
        () => undefined,
      );
    await until(async () => (await (await health('readyz'))?.text())?.includes('is read') || undefined);
    const ownBlobs = join(folder, 'standby-data', 'blobs');
    expect(existsSync(ownBlobs)).toBe(false);

    const credentials = unwrap(await readCredentials(join(folder, 'operator.json')));
    const first = connectOperator(credentials, nodes[0].federation);
    onTestFinished(() => first.close());
    for (const name of names) await startNode(folder, name, first, nodes);
    await until(async () => {
      const { clusters } = await first.call(first.client.listClusters, { page: { size: 10, token: '' } });
      return clusters.filter(({ connected }) => connected).length === 3 || undefined;
    });
    const { round } = await first.call(first.client.openRound, { track: 'syscall', reason: 'test' });
    await leader.member.exited;
    if (store !== undefined) await rm(join(folder, 'data'), { recursive: true }); // With the machine that it lay on.
    await until(async () => ((await health('readyz'))?.ok ? true : undefined));

    const second = connectOperator(credentials, nodes[1].federation);
    onTestFinished(() => second.close());
    const ended = await until(async () => {
      const answer = await second.call(second.client.getRound, { track: 'syscall', round });
      return answer.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? answer : undefined;
    });
    if (store !== undefined) {
      const hex = ended.summary?.candidate?.digest.slice('sha256:'.length);
      expect(readdirSync(ownBlobs)).toContain(hex);
      expect(readdirSync(join(store.folder, 'blobs'))).toContain(hex);
    }
    // Each counted once, also one whose update was durable and unreceipted.
    expect(ended.participations.map(({ cluster, fate }) => [cluster, fate]).sort()).toEqual(
      names.map((name) => [name, UpdateFate.UPDATE_FATE_SELECTED]),
    );
    expect(await (await health('metrics'))?.text()).toContain('testudo_coordinator_leads 1\n');
    const address = nodes.map(({ federation }) => federation).join(',');
    const words = [
      'rounds',
      'list',
      'syscall',
      '--json',
      '--credentials',
      join(folder, 'operator.json'),
      '--address',
      address,
    ];
    const listed = await runTestudo(...words);
    expect(listed).toMatchObject({ code: 0 });
    expect(JSON.parse(listed.out.trim().split('\n')[0] as string)).toMatchObject({ round });
  },
);
