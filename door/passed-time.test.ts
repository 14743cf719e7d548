import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ServiceError } from '@grpc/grpc-js';
import { expect, it, onTestFinished } from 'vitest';
import { backdateMs } from '../base/certificates/backdate.ts';
import { unwrap } from '../base/fault.ts';
import { systemTimers } from '../base/system-timers.ts';
import { HeardLog } from '../base/testing/heard-log.ts';
import { MovedTimers } from '../base/testing/moved-timers.ts';
import { ShiftedTimers } from '../base/testing/shifted-timers.ts';
import type { Timers } from '../base/time.ts';
import { connected, foundDoored, useStores } from '../cli/processes/testing/doored-federation.ts';
import { until } from '../cli/processes/testing/small-node.ts';
import { readCredentials } from '../coordinator/keys/operator-credentials.ts';
import { chunksOf, enrolCluster, faultOf } from '../coordinator/testing/cluster.ts';
import { HeldLine, openLine } from '../coordinator/testing/held-line.ts';
import { digestOf } from '../proto/digest.ts';
import { coordinatorServerName } from '../proto/wire-names.ts';
import { readDoorConfig } from './config.ts';
import { readDoorCredentials } from './credentials.ts';
import { startDoor } from './door.ts';

const track = 'syscall';
const dayMs = 86_400_000;
const stores = useStores();

/** A federation whose door runs in this process, by time of the test's; the door's lines to leader and database can be cut. */
async function underTime(name: string) {
  const federation = await foundDoored(stores(), name, 1, { certificates: { clusterHours: 720, serverDays: 30 } });
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const lineTo = async (port: number) => {
    const line = await HeldLine.open(() => port);
    onTestFinished(() => line.close());
    return line;
  };
  const toLeader = await lineTo(Number(leader.addresses.federation.split(':')[1]));
  const toDatabase = await lineTo(stores().database.port);
  const seen = { ...leader.addresses, federation: `127.0.0.1:${toLeader.port}` };
  const credentials = await federation.addDoor('edge', [leader.addresses], seen);
  const path = await federation.writeDoor(credentials, 'door', {}, toDatabase.port);
  const config = unwrap(readDoorConfig(path, { environment: {} }));
  const heard = new HeardLog();
  const start = async (timers: Timers) => {
    const door = unwrap(await startDoor(config, { log: heard.log(), environment: {}, timers }));
    onTestFinished(() => door.close());
    await heard.said('a coordinator leads here');
    return door;
  };
  const enrol = async (addresses: Awaited<ReturnType<typeof start>>['addresses']) => {
    const asked = { cluster: 'north', lifetimeSeconds: 3_600, labels: [] };
    const { token } = await operator.call(operator.client.createToken, asked);
    const { authority } = unwrap(await readCredentials(join(federation.folder, 'operator.json')));
    const member = unwrap(
      await enrolCluster({ ...addresses, enrolment: leader.addresses.enrolment }, authority, token),
    );
    onTestFinished(() => member.close());
    await member.watch([track]);
    await connected(operator, 1);
    return member;
  };
  return { operator, toLeader, toDatabase, credentials, config, heard, start, enrol };
}

/** The serial of the certificate that a door shows to clusters. */
async function serialShown(address: string): Promise<string> {
  const [host, port] = address.split(':') as [string, string];
  const socket = connect({
    host,
    port: Number(port),
    servername: coordinatorServerName,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerX509Certificate() as X509Certificate;
  socket.destroy();
  return serialNumber;
}

/** The system's time, of which the clock may be set; and beats of a minute come when the test says so, too. */
function beatenTimers() {
  const timers = new ShiftedTimers(0);
  const beats = new Set<() => void>();
  const every: Timers['every'] = (periodMs, act, options) => {
    if (periodMs === 60_000) beats.add(act);
    return timers.every(periodMs, act, options);
  };
  const { now, monotonicMs, after, cancel } = timers;
  const beat = (atDay: number) => {
    timers.byMs = atDay * dayMs;
    for (const act of beats) act();
  };
  return { timers: { now, monotonicMs, after, cancel, every }, beat };
}

it('renews its certificates at two thirds of their life, once its leader answers, and shows and keeps the new ones', async () => {
  const { operator, toLeader, credentials, config, heard, start, enrol } = await underTime('renewed');
  const given = unwrap(readDoorCredentials(credentials));
  const serialOf = (chain: string) => new X509Certificate(chain).serialNumber;
  const keptIn = join(config.dataDirectory, 'credentials.json');
  const { timers, beat } = beatenTimers();
  const door = await start(timers);
  const member = await enrol(door.addresses);
  const renewedCount = async () => {
    const { entries } = await operator.call(operator.client.listAudit, { fromSequence: 1n, size: 500 });
    return entries.filter(({ kind }) => kind === 'doorRenewed').length;
  };
  expect(await serialShown(door.addresses.federation)).toBe(serialOf(given.serverChain));

  beat(19.9);
  toLeader.mode = { toServer: 'drop', toClient: 'drop' };
  toLeader.cut();
  await heard.said('the coordinator is away');
  beat(20.1);
  expect(await heard.said("the door's certificates are not renewed")).toMatchObject({
    code: 'LEADER_AWAY',
    endsAt: new Date(new X509Certificate(given.certificateChain).validTo).toISOString(),
  });
  expect({ isKept: existsSync(keptIn), renewed: await renewedCount() }).toEqual({ isKept: false, renewed: 0 });

  // The kept one is known for the newer by the second in which it begins.
  const begunMs = Date.parse(new X509Certificate(given.certificateChain).validFrom);
  await until(async () => (systemTimers.now() - begunMs > backdateMs + 1_000 ? true : undefined));
  heard.lines.length = 0;
  toLeader.mode = openLine;
  toLeader.cut();
  await heard.said('a coordinator leads here');
  heard.lines.length = 0;
  beat(20.1);
  await heard.said("the door's certificates are renewed");
  await heard.said('a coordinator leads here'); // By the new one: the old one is void.
  const kept = unwrap(readDoorCredentials(keptIn));
  expect(serialOf(kept.certificateChain)).not.toBe(serialOf(given.certificateChain));
  expect(await serialShown(door.addresses.federation)).toBe(serialOf(kept.serverChain));
  // To this clock the new ones are due as well.
  beat(20.1);
  await heard.said("the door's certificates were renewed lately, and are left as they are");
  expect(await renewedCount()).toBe(1);
  beat(0); // Rounds are of the leader's time.
  await connected(operator, 1); // The stream that stood at the door stands there still.
  await operator.call(operator.client.openRound, { track, reason: 'test' });
  const update = await member.seal(new Float32Array(1_000).fill(0.01));
  unwrap(await member.send([member.signed(update.header), ...chunksOf(update.sealed)]));

  await door.close();
  heard.lines.length = 0;
  const again = await start(beatenTimers().timers);
  expect(await serialShown(again.addresses.federation)).toBe(serialOf(kept.serverChain));
}, 600_000);

it('a cluster that is revoked while its door cannot read the journal is cut by its leader, and by the door within 30 s', async () => {
  const { operator, toDatabase, start, enrol } = await underTime('unread');
  const timers = new MovedTimers();
  const door = await start(timers);
  const member = await enrol(door.addresses);
  /** What comes of asking for the first model, which the door serves; time passes until it is told. */
  const fetched = async () => {
    let told: string | undefined;
    const stream = member.client.fetchModel({ digest: digestOf(new Uint8Array(4_000)), offset: 0n });
    stream.on('data', () => {});
    stream.on('end', () => {
      told ??= 'whole';
    });
    stream.on('error', (error) => {
      const found = faultOf(error as ServiceError);
      told = found.ok ? 'whole' : found.fault.code;
    });
    return until(async () => {
      if (told === undefined) timers.pass(5_000);
      return told;
    });
  };
  expect(await fetched()).toBe('whole');
  toDatabase.mode = { toServer: 'drop', toClient: 'drop' };
  toDatabase.cut();
  await operator.call(operator.client.revokeCluster, { cluster: 'north', reason: 'test' });
  expect(await member.watchFault).toBe('CLUSTER_REVOKED'); // The leader's word, which needs no journal here.
  timers.pass(31_000);
  expect(await fetched()).toBe('LEADER_AWAY');
  toDatabase.mode = openLine;
  toDatabase.cut();
  await until(async () => {
    const said = await fetched();
    return said === 'LEADER_AWAY' ? undefined : said;
  }).then((said) => expect(said).toBe('CLUSTER_REVOKED'));
}, 600_000);
