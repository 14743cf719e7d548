import { join } from 'node:path';
import { unwrap } from '../../../base/fault.ts';
import { readCredentials } from '../../../coordinator/keys/operator-credentials.ts';
import { type Member, pauseWhileRunning } from '../../../lab/rig/member.ts';
import type { Operator } from '../../../lab/rig/operator.ts';
import type { DooredFederation } from '../../../lab/testing/doored-federation.ts';
import { freePlace } from '../../harness/places.ts';
import { cpuSecondsOf, peakMiB, residentMiB } from '../../harness/process-figures.ts';
import { refusedConnectionsAt } from '../../harness/refused-connections.ts';
import { capsFor, doorReady, foundForCrowd, track } from '../crowd-federation.ts';
import { CrowdAtDoors } from './crowd-at-doors.ts';

export type WatchSize = Readonly<{ clients: number; processes: number }>;

/** What came over the crowd, and how long until every one of them watched again and had its round's invitation, once. */
export type Phase = Readonly<{
  what: string;
  /** Until half of them, 99 in a hundred, and all had it. */
  seconds: Readonly<{ half: number; most: number; all: number }>;
  /** Streams of clusters that ended meanwhile. */
  ended: number;
  /** Processor time meanwhile, of the door that serves at its end, and of the coordinator that leads at its end. */
  doorSeconds: number;
  leaderSeconds: number;
}>;

export type WatchFigures = Readonly<{
  /** At the door, for each watch beyond what it takes with none. */
  kibibytesEach: number;
  doorPeakMiB: number;
  leaderMiB: number;
  clientsMiB: number;
  phases: readonly Phase[];
  refused: readonly string[];
}>;

const policyOf = (clients: number) => `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: count, updates: ${clients} }, overSelection: 1, quorum: { kind: count, updates: ${clients} },
  recruitForMs: 3600000, collectForMs: 14400000 }
`;

/**
 * A crowd of clients with certificates of their own at a door, amid an open round: the coordinator that leads is killed; the door is
 * killed and started again; the door is revoked and another takes all of them.
 */
export async function measureWatches(folder: string, { clients, processes }: WatchSize): Promise<WatchFigures> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const trackOf = { values: 1_000, policy: policyOf(clients) };
    const federation = await foundForCrowd(folder, clients, trackOf, (close) => void closing.push(close));
    return await measured(federation, { clients, processes }, closing);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function measured(
  federation: DooredFederation,
  { clients, processes }: WatchSize,
  closing: (() => Promise<void>)[],
): Promise<WatchFigures> {
  const [one, two, atA, atB] = [await freePlace(), await freePlace(), await freePlace(), await freePlace()];
  const leader = await federation.startCoordinator('leader', { at: one });
  const standby = await federation.startStandby('standby', two);
  const first = await federation.operatorAt(one.federation);
  const door = { at: atA, settings: capsFor(clients) };
  const credentials = await federation.addDoor('a', [one, two]);
  const othersCredentials = await federation.addDoor('b', [one, two]);
  const a = await federation.startDoor(credentials, 'a', door);
  await doorReady(atA, a.member);
  const emptyMiB = residentMiB(a.member.pid);
  const { authority } = unwrap(await readCredentials(join(federation.folder, 'operator.json')));
  const size = { clients, processes };
  const start = { ...size, operator: first, enrolment: one.enrolment, addresses: atA.federation, track, authority };
  const crowd = await CrowdAtDoors.start({ folder: federation.folder, ...start });
  closing.push(async () => crowd.kill());
  await attended(first, clients);
  const kibibytesEach = ((residentMiB(a.member.pid) - emptyMiB) * 1_024) / clients;
  const phases: Phase[] = [];
  let times = 0;
  const phase = async (what: string, serves: () => Member, leads: Member, deed: () => Promise<unknown>) => {
    const startMs = Date.now();
    const { ended } = crowd.standing;
    const [door, leaderBefore] = [serves(), cpuSecondsOf(leads.pid)];
    const doorBefore = cpuSecondsOf(door.pid);
    await deed();
    times += 1;
    const { invitedAtMs, ended: endedNow } = await crowd.invited(times);
    const since = (atMs: number) => Math.max(0, atMs - startMs) / 1_000;
    phases.push({
      ...{ what, ended: endedNow - ended },
      seconds: { half: since(invitedAtMs.half), most: since(invitedAtMs.most), all: since(invitedAtMs.all) },
      doorSeconds: cpuSecondsOf(serves().pid) - (serves() === door ? doorBefore : 0),
      leaderSeconds: cpuSecondsOf(leads.pid) - leaderBefore,
    });
  };

  await phase(
    'a round is opened',
    () => a.member,
    leader.member,
    () => first.call(first.client.openRound, { track, reason: 'benchmark' }),
  );
  const leaderMiB = residentMiB(leader.member.pid);
  await phase(
    'the leader is killed',
    () => a.member,
    standby,
    async () => leader.member.kill(),
  );
  const second = await federation.operatorAt(two.federation);
  await attended(second, clients);
  const doorPeakMiB = peakMiB(a.member.pid);

  let serving = a.member;
  await phase(
    'the door is killed and started again',
    () => serving,
    standby,
    async () => {
      a.member.kill();
      await a.member.exited;
      serving = (await federation.startDoor(credentials, 'a', door)).member;
    },
  );
  await attended(second, clients);
  const b = await federation.startDoor(othersCredentials, 'b', { at: atB, settings: capsFor(clients) });
  await doorReady(atB, b.member);
  const refused = [...(await refusedConnectionsAt(atA.health)).map((line) => `a: ${line}`)];
  crowd.goTo(`${atA.federation},${atB.federation}`);
  await phase(
    'the door is revoked, another takes all',
    () => b.member,
    standby,
    () => second.call(second.client.revokeDoor, { name: 'a', reason: 'benchmark' }),
  );
  await attended(second, clients);
  refused.push(...(await refusedConnectionsAt(atB.health)).map((line) => `b: ${line}`));
  const clientsMiB = crowd.pids.reduce((sum, pid) => sum + residentMiB(pid), 0);
  return { kibibytesEach, doorPeakMiB, leaderMiB, clientsMiB, phases, refused };
}

/** Resolves when the coordinator attends so many watches of doors. */
async function attended({ call, client }: Operator, watches: number): Promise<void> {
  for (;;) {
    const { doors } = await call(client.listDoors, { page: { size: 10, token: '' } });
    if (doors.reduce((sum, door) => sum + door.watches, 0) === watches) return;
    await pauseWhileRunning([]);
  }
}
