import { afterAll, beforeAll, expect, it } from 'vitest';
import { DooredFederation, type Stores } from '../cli/processes/testing/doored-federation.ts';
import { startNode, until } from '../cli/processes/testing/small-node.ts';
import { ObjectStore, rclone } from '../coordinator/testing/object-store.ts';
import { PostgresServer } from '../coordinator/testing/postgres-server.ts';
import type { Operator } from '../lab/rig/operator.ts';
import { RoundPhase, UpdateFate } from '../proto/generated/testudo/v1/operator.ts';
import { rclonePath } from '../tools/testing/stores/rclone.mjs';

const names = ['north', 'south', 'west'];
const track = 'syscall';

let stores: Stores;
beforeAll(async () => {
  const [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
  stores = { database, store };
}, 600_000);
afterAll(() => Promise.all([stores.database.remove(), stores.store.remove()]));

async function connected(operator: Operator, count: number): Promise<void> {
  await until(async () => {
    const { clusters } = await operator.call(operator.client.listClusters, { page: { size: 10, token: '' } });
    return clusters.filter((one) => one.connected).length === count || undefined;
  });
}

async function candidateOf(operator: Operator, round: string) {
  return until(async () => {
    const answer = await operator.call(operator.client.getRound, { track, round });
    return answer.summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? answer : undefined;
  });
}

it('a round is finished by clients that know a door and nothing else, and the journal says through which', {
  timeout: 600_000,
}, async () => {
  const federation = await DooredFederation.found(stores, 'thin', names.length);
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const door = await federation.startDoor(await federation.addDoor('edge', [leader.addresses]));
  await until(async () => ((await fetch(`http://${door.addresses.health}/readyz`)).ok ? true : undefined));
  for (const name of names) await startNode(federation.folder, name, operator, [door.addresses]);
  await connected(operator, names.length);
  const { doors } = await operator.call(operator.client.listDoors, { page: { size: 10, token: '' } });
  expect(doors).toMatchObject([{ name: 'edge', hosts: ['127.0.0.1'], revoked: false, connected: 1, watches: 3 }]);

  const { round } = await operator.call(operator.client.openRound, { track, reason: 'test' });
  const ended = await candidateOf(operator, round);
  expect(ended.participations.map(({ cluster, fate }) => [cluster, fate]).sort()).toEqual(
    names.map((name) => [name, UpdateFate.UPDATE_FATE_SELECTED]),
  );
  const { entries } = await operator.call(operator.client.listAudit, { fromSequence: 1n, size: 200 });
  const accepted = entries.filter(({ eventJson }) => eventJson.includes('updateArrived'));
  expect(accepted.map(({ actor }) => actor).sort()).toEqual(names.map((name) => `cluster ${name} (door edge)`));
  expect(entries.filter(({ kind }) => kind === 'refused')).toEqual([]);
});
