import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { type Addresses, startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import { startMember } from '../../lab/rig/member.ts';
import { connectOperator } from '../../lab/rig/operator.ts';
import { RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import { runTestudo } from '../testing/command-line.ts';
import { freePlaces, startNode, until, writeSmallTrack } from './testing/small-node.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
const names = ['north', 'south', 'west'];

/** A federation whose journal is in a database, as its operator makes it: one configuration for leader and standby. */
async function found(folder: string, server: PostgresServer): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'master.key'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'password'), PostgresServer.password, { mode: 0o600 });
  await writeSmallTrack(folder, names.length);
  const config = join(folder, 'coordinator.yaml');
  const settings = {
    federation: 'herd',
    dataDirectory: './data',
    listen: { enrolment: '127.0.0.1:0', federation: '127.0.0.1:0', health: '127.0.0.1:0' },
    serverNames: ['127.0.0.1'],
    masterKey: { file: './master.key' },
    journal: { postgres: { address: server.url, password: { file: './password' }, leaseSeconds: 2 } },
    tracks: [{ id: 'syscall', spec: './spec.json', model: './model.bin', policy: './policy.yaml' }],
  };
  await writeFile(config, JSON.stringify(settings));
  const founded = await runTestudo('coordinator', 'init', folder);
  expect(founded).toMatchObject({ code: 0 });
  return config;
}

it('a leader that dies amid a round is followed by its standby, where clients go on with it and operators find it by themselves', {
  timeout: 600_000,
}, async () => {
  const server = await PostgresServer.start();
  onTestFinished(() => server.remove());
  const folder = join(tempDir(), 'coordinator');
  const config = await found(folder, server);
  const nodes = [await freePlaces(), await freePlaces()] as const;
  const listening = ({ enrolment, federation, health }: Addresses) => [
    '--set',
    ...[`listen.enrolment=${enrolment}`, `listen.federation=${federation}`, `listen.health=${health}`],
  ];
  const logFile = `${folder}.log`;
  const env = { TESTUDO_FAILPOINT: 'update-journalled' }; // The first update is durable, and nobody has heard of it.
  const leader = await startCoordinatorProcess({ testudo, config, logFile, env, words: listening(nodes[0]) });
  onTestFinished(() => leader.member.kill());
  const standby = await startMember({
    name: 'standby',
    args: [testudo, 'coordinator', '--config', config, '--standby', ...listening(nodes[1])],
    logFile: `${folder}-standby.log`,
  });
  onTestFinished(() => standby.stop(600_000));
  const health = (path: string) =>
    fetch(`http://${nodes[1].health}/${path}`).then(
      (page) => page,
      () => undefined,
    );
  await until(async () => (await (await health('readyz'))?.text())?.includes('is read') || undefined);

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
  await until(async () => ((await health('readyz'))?.ok ? true : undefined));

  const second = connectOperator(credentials, nodes[1].federation);
  onTestFinished(() => second.close());
  const ended = await until(async () => {
    const answer = await second.call(second.client.getRound, { track: 'syscall', round });
    return answer.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? answer : undefined;
  });
  // Each counted once, also the one whose update was durable and unreceipted.
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
});
