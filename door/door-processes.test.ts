import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildVersion } from '../base/build-version.ts';
import { unwrap } from '../base/fault.ts';
import { connected, fatesOf, foundDoored, useStores } from '../cli/processes/testing/doored-federation.ts';
import { startNode, until } from '../cli/processes/testing/small-node.ts';
import { spawnTestudo } from '../cli/testing/command-line.ts';
import type { DooredFederation } from '../lab/testing/doored-federation.ts';
import { digestOf } from '../proto/digest.ts';
import { UpdateFate } from '../proto/generated/testudo/v1/operator.ts';
import { readDoorCredentials, replaceDoorCredentials } from './credentials.ts';

const names = ['north', 'south', 'west'];
const track = 'syscall';

const stores = useStores();

it('a round is finished by clients that know a door and nothing else, and the journal says through which', {
  timeout: 600_000,
}, async () => {
  const federation = await foundDoored(stores(), 'thin', names.length);
  // The founding put the first model where whoever leads first, on whatever machine, finds it.
  const firstModel = digestOf(new Uint8Array(4_000)).slice('sha256:'.length);
  expect(readdirSync(join(stores().store.folder, 'thin', 'blobs'))).toContain(firstModel);
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const door = await federation.startDoor(await federation.addDoor('edge', [leader.addresses]));
  await until(async () => ((await fetch(`http://${door.addresses.health}/readyz`)).ok ? true : undefined));
  for (const name of names) await startNode(federation.folder, name, operator, [door.addresses]);
  await connected(operator, names.length);
  const { doors } = await operator.call(operator.client.listDoors, { page: { size: 10, token: '' } });
  expect(doors).toMatchObject([{ name: 'edge', hosts: ['127.0.0.1'], revoked: false, connected: 1, watches: 3 }]);

  const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
  expect(clusters.map((one) => one.build)).toEqual(names.map(() => `testudo-client/${buildVersion()}`));

  const own = ['--credentials', join(federation.folder, 'operator.json'), '--address', door.addresses.federation];
  const astray = await spawnTestudo('doors', 'list', ...own);
  expect(astray).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^GRPC_UNIMPLEMENTED: .* a door, .*--address/),
  });

  const { round } = await operator.call(operator.client.openRound, { track, reason: 'test' });
  expect(await fatesOf(operator, round)).toEqual(names.map((name) => [name, UpdateFate.UPDATE_FATE_SELECTED]));
  const { entries } = await operator.call(operator.client.listAudit, { fromSequence: 1n, size: 200 });
  const accepted = entries.filter(({ eventJson }) => eventJson.includes('updateArrived'));
  expect(accepted.map(({ actor }) => actor).sort()).toEqual(names.map((name) => `cluster ${name} (door edge)`));
  expect(entries.filter(({ kind }) => kind === 'refused')).toEqual([]);
});

/** The lines of a process's log of this message. */
async function logged(federation: DooredFederation, name: string, message: string) {
  const lines = (await readFile(`${federation.folder}-${name}.log`, 'utf8')).split('\n');
  const entries = lines.filter((line) => line.startsWith('{') && line.endsWith('}'));
  return entries.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message);
}

it('a start that cannot serve says in one sentence why, and changes nothing in the database', {
  timeout: 600_000,
}, async () => {
  const federation = await foundDoored(stores(), 'refused', names.length);
  const { folder } = federation;
  const leader = await federation.startCoordinator();
  const file = await federation.addDoor('edge', [leader.addresses]);
  await federation.startDoor(file);
  const start = async (...settings: readonly string[]) => {
    const words = ['--config', join(folder, 'door.yaml'), '--set', ...settings];
    const { code, error } = await spawnTestudo('door', ...words);
    expect(error.trim().split('\n'), error).toHaveLength(1);
    return { code, error };
  };
  const elsewhere = `dataDirectory=${join(folder, 'elsewhere')}`;
  const refused = (code: string) => ({ code: 1, error: expect.stringMatching(new RegExp(`^${code}: `)) });
  expect(await start('drainSeconds=1')).toMatchObject(refused('DATA_DIR_LOCKED'));

  const given = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  const nothing = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const other = JSON.parse(await readFile(await federation.addDoor('other', [leader.addresses]), 'utf8'));
  const unfit = {
    certificateChain: nothing,
    authority: nothing,
    key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    serverChain: other.serverChain,
    addresses: ['no address'],
    enrolAddresses: ['one.example:70000'],
  };
  for (const [field, value] of Object.entries(unfit)) {
    const path = join(folder, 'unfit.json');
    await writeFile(path, JSON.stringify({ ...given, [field]: value }));
    expect(await start(elsewhere, `credentials=${path}`), field).toMatchObject(refused('CREDENTIALS_INVALID'));
  }
  const operators = await start(elsewhere, `credentials=${join(folder, 'operator.json')}`);
  expect(operators).toMatchObject(refused('CREDENTIALS_INVALID'));
  expect(operators.error).toMatch(/addresses.*serverChain.*testudo doors add/);
  // What a newer build wrote beside what a door needs stays, also once its certificates are renewed.
  const newer = join(folder, 'newer.json');
  await writeFile(newer, JSON.stringify({ ...given, tenant: 'blue' }));
  const kept = unwrap(readDoorCredentials(newer));
  await replaceDoorCredentials(newer, { ...kept, name: 'renewed' });
  expect(JSON.parse(await readFile(newer, 'utf8'))).toEqual({ ...given, tenant: 'blue', name: 'renewed' });

  // A door makes no journal where there is none, not even with a user that might.
  const { url } = stores().database;
  const owner = [`journal.postgres.address=${url}`, `journal.postgres.password.file=${join(folder, 'password')}`];
  const astray = await start(elsewhere, ...owner, 'journal.postgres.schema=astray');
  expect(astray).toMatchObject(refused('DATABASE_UNFIT'));
  expect(astray.error).toContain('journal.postgres.schema');
  const [found] = await stores().database.sql("SELECT to_regnamespace('astray') IS NULL AS none");
  expect(found).toMatchObject({ none: true });
});

it('a door that was revoked stops by itself, says why, and starts no more; one that finds no leader says so', {
  timeout: 600_000,
}, async () => {
  const federation = await foundDoored(stores(), 'revoked', names.length);
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const file = await federation.addDoor('edge', [leader.addresses]);
  const door = await federation.startDoor(file);
  await startNode(federation.folder, 'north', operator, [door.addresses]);
  await connected(operator, 1);
  await operator.call(operator.client.revokeDoor, { name: 'edge', reason: 'test' });
  await door.member.exited;
  expect(door.member.exitCode()).toBe(1);
  const [why] = await logged(federation, 'door', 'this door cannot go on');
  expect(why).toMatchObject({ level: 'error', code: 'DOOR_REVOKED', cause: expect.stringContaining('doors add edge') });
  const again = await spawnTestudo('door', '--config', join(federation.folder, 'door.yaml'));
  expect(again).toMatchObject({ code: 1, error: expect.stringMatching(/^DOOR_REVOKED: .*doors add edge/) });

  const alone = await federation.addDoor('alone', [leader.addresses]);
  await leader.member.stop(600_000);
  await federation.startDoor(alone, 'alone');
  const message = 'no coordinator leads here, nor at any other address of this door';
  const [unled] = await until(async () => {
    const lines = await logged(federation, 'alone', message);
    return lines.length > 0 ? lines : undefined;
  });
  expect(unled).toMatchObject({ level: 'warn', address: leader.addresses.federation, code: 'GRPC_UNAVAILABLE' });
});
