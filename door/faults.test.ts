import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { connected, fatesOf, foundDoored, useStores } from '../cli/processes/testing/doored-federation.ts';
import { freePlaces, startNode, until } from '../cli/processes/testing/small-node.ts';
import { readCredentials } from '../coordinator/keys/operator-credentials.ts';
import { chunksOf, enrolCluster, type TestCluster } from '../coordinator/testing/cluster.ts';
import { HeldLine, openLine } from '../coordinator/testing/held-line.ts';
import type { Addresses } from '../lab/rig/coordinator-process.ts';
import type { Operator } from '../lab/rig/operator.ts';
import { UpdateFate } from '../proto/generated/testudo/v1/operator.ts';

const names = ['north', 'south', 'west'];
const track = 'syscall';
const slow = { timeout: 600_000 };

const stores = useStores();
const eachOnce = names.map((name) => [name, UpdateFate.UPDATE_FATE_SELECTED]);

async function ready({ health }: Addresses, isReady = true): Promise<string> {
  return until(async () => {
    const page = await fetch(`http://${health}/readyz`).catch(() => undefined);
    return page?.ok === isReady ? await page.text() : undefined;
  });
}

/** Lines of a process' metrics page that begin so. */
async function metricsOf({ health }: Addresses, start: string): Promise<readonly string[]> {
  const text = await (await fetch(`http://${health}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(start));
}

it(
  'clients stay at their door while its leader dies amid a round and a standby follows: no stream of theirs ends',
  slow,
  async () => {
    const federation = await foundDoored(stores(), 'followed', names.length);
    const places = [await freePlaces(), await freePlaces()] as const;
    // The first update is durable then, and nobody has heard of it: the door has no answer.
    const leader = await federation.startCoordinator('leader', { at: places[0], failpoint: 'update-journalled' });
    await federation.startStandby('standby', places[1]);
    const door = await federation.startDoor(await federation.addDoor('edge', places));
    await ready(door.addresses);
    const first = await federation.operatorAt(places[0].federation);
    for (const name of names) await startNode(federation.folder, name, first, [door.addresses]);
    await connected(first, names.length);
    const { round } = await first.call(first.client.openRound, { track, reason: 'test' });
    await leader.member.exited;
    await ready(places[1]);
    const second = await federation.operatorAt(places[1].federation);
    expect(await fatesOf(second, round)).toEqual(eachOnce);
    // A stream that ended would be counted: three began at the door, and are there still.
    expect(await metricsOf(door.addresses, 'testudo_door_watches')).toEqual(['testudo_door_watches 3']);
    expect(await metricsOf(door.addresses, 'testudo_call_seconds_count{method="/testudo.v1.Federation/Watch"')).toEqual(
      [],
    );
    expect((await metricsOf(door.addresses, 'testudo_coordinator_epoch'))[0]).toBe(
      (await metricsOf(places[1], 'testudo_coordinator_epoch'))[0],
    );
  },
);

it(
  'a door that dies with an update stored and undecided costs its clusters a way: through another they are counted, once',
  slow,
  async () => {
    const federation = await foundDoored(stores(), 'died', names.length);
    const leader = await federation.startCoordinator();
    const operator = await federation.operatorAt(leader.addresses.federation);
    const credentials = await federation.addDoor('edge', [leader.addresses]); // Of both.
    const dying = await federation.startDoor(credentials, 'one', { failpoint: 'door-stored' });
    const other = await federation.startDoor(credentials, 'two');
    await Promise.all([ready(dying.addresses), ready(other.addresses)]);
    for (const name of names) await startNode(federation.folder, name, operator, [dying.addresses, other.addresses]);
    await connected(operator, names.length);
    const { round } = await operator.call(operator.client.openRound, { track, reason: 'test' });
    await dying.member.exited;
    expect(await fatesOf(operator, round)).toEqual(eachOnce);
    const { doors } = await operator.call(operator.client.listDoors, { page: { size: 10, token: '' } });
    expect(doors).toMatchObject([{ name: 'edge', connected: 1, watches: 3 }]);
  },
);

/** A federation with one door behind a line, and a cluster that speaks by hand to the door alone. */
async function behindLine(name: string) {
  const federation = await foundDoored(stores(), name, 1);
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const line = await HeldLine.open(() => Number(leader.addresses.federation.split(':')[1]));
  onTestFinished(() => line.close());
  const seenByDoor = { ...leader.addresses, federation: `127.0.0.1:${line.port}` };
  const door = await federation.startDoor(await federation.addDoor('edge', [leader.addresses], seenByDoor));
  await ready(door.addresses);
  const { token } = await operator.call(operator.client.createToken, {
    ...{ cluster: 'north', lifetimeSeconds: 3_600, labels: [] },
  });
  const { authority } = unwrap(await readCredentials(`${federation.folder}/operator.json`));
  const member = unwrap(await enrolCluster(door.addresses, authority, token));
  onTestFinished(() => member.close());
  await member.watch([track]);
  await connected(operator, 1);
  return { federation, operator, line, door, member };
}

async function acceptedIn(operator: Operator): Promise<number> {
  const { entries } = await operator.call(operator.client.listAudit, { fromSequence: 1n, size: 500 });
  return entries.filter(({ eventJson }) => eventJson.includes('updateArrived')).length;
}

async function sendWhole(member: TestCluster, update: Awaited<ReturnType<TestCluster['seal']>>) {
  return member.send([member.signed(update.header), ...chunksOf(update.sealed)]);
}

it(
  'an answer that is lost between leader and door is neither success nor failure: LEADER_AWAY, and later the one receipt',
  slow,
  async () => {
    const { operator, line, door, member } = await behindLine('cut');
    await operator.call(operator.client.openRound, { track, reason: 'test' });
    const update = await member.seal(new Float32Array(1_000).fill(0.01));
    line.mode = { toServer: 'pass', toClient: 'drop' };
    const lost = sendWhole(member, update);
    await until(async () => (await acceptedIn(operator)) === 1 || undefined); // It was done, and the door has not heard.
    line.cut();
    expect(await lost).toMatchObject({ ok: false, fault: { code: 'LEADER_AWAY' } });
    line.mode = openLine;
    await ready(door.addresses);
    const receipt = unwrap(await sendWhole(member, update));
    expect(receipt).toMatchObject({ payloadDigest: update.header.payload, cluster: 'north' });
    expect(unwrap(await member.status(update.header)).receipt).toEqual(receipt);
    expect(await acceptedIn(operator)).toBe(1);
  },
);

it(
  'while nobody is reached updates wait with their bytes kept, and what never came to the leader is accepted afterwards',
  slow,
  async () => {
    const { operator, line, door, member } = await behindLine('held');
    await operator.call(operator.client.openRound, { track, reason: 'test' });
    const update = await member.seal(new Float32Array(1_000).fill(0.01));
    line.mode = { toServer: 'drop', toClient: 'pass' };
    line.cut();
    expect(await ready(door.addresses, false)).toContain('no coordinator that leads is reached');
    expect(await sendWhole(member, update)).toMatchObject({ ok: false, fault: { code: 'LEADER_AWAY' } });
    expect(await member.status(update.header)).toMatchObject({ ok: false, fault: { code: 'LEADER_AWAY' } });
    expect(await acceptedIn(operator)).toBe(0);
    line.mode = openLine;
    line.cut();
    await ready(door.addresses);
    const { receipt, receivedBytes } = unwrap(await member.status(update.header));
    expect({ receipt, receivedBytes }).toEqual({
      receipt: undefined,
      receivedBytes: BigInt(update.header.payloadBytes),
    });
    unwrap(await member.send([member.signed(update.header, update.header.payloadBytes)])); // Not a byte is sent again.
    expect(await acceptedIn(operator)).toBe(1);
  },
);

it(
  'a cluster that is revoked is cut at its door, and a door that is revoked takes nothing for anybody',
  slow,
  async () => {
    const { federation, operator, door, member } = await behindLine('revoked');
    await operator.call(operator.client.revokeCluster, { cluster: 'north', reason: 'test' });
    expect(await member.watchFault).toBe('CLUSTER_REVOKED');
    const question = { track, round: 'r-1', payload: `sha256:${'0'.repeat(64)}` };
    expect(await member.status(question as never)).toMatchObject({ fault: { code: 'CLUSTER_REVOKED' } });
    const noted = async () => {
      const { entries } = await operator.call(operator.client.listAudit, { fromSequence: 1n, size: 500 });
      return entries.filter(({ kind }) => kind === 'refused').map(({ eventJson }) => JSON.parse(eventJson).code);
    };
    await until(async () => ((await noted()).includes('CLUSTER_REVOKED') ? true : undefined));

    // Nobody is an operator through a door.
    await expect(federation.addDoor('another', [door.addresses])).rejects.toThrow('GRPC_UNIMPLEMENTED');
    await operator.call(operator.client.revokeDoor, { name: 'edge', reason: 'test' });
    await door.member.exited; // What it says then: door-processes.test.ts.
    const { doors } = await until(async () => {
      const listed = await operator.call(operator.client.listDoors, { page: { size: 10, token: '' } });
      return listed.doors[0]?.connected === 0 ? listed : undefined;
    });
    expect(doors).toMatchObject([{ name: 'edge', revoked: true, connected: 0, watches: 0 }]);
  },
);
