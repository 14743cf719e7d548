import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import type { RunningClient } from '../../client/client.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { foundCoordinator, listenAnywhere, startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import { type Member, pauseWhileRunning } from '../../lab/rig/member.ts';
import { connectOperator, type Operator } from '../../lab/rig/operator.ts';
import { startSpeaker } from '../../lab/rig/speaker.ts';
import { writeTrack } from '../../lab/testing/doored-federation.ts';
import { smallTrack, startSmallClient } from '../../lab/testing/small-client.ts';
import { RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import { testudo } from '../harness/commands.ts';
import { cpuSecondsOf, residentMiB } from '../harness/process-figures.ts';
import { refusedConnectionsAt } from '../harness/refused-connections.ts';
import type { Besieged } from './besiegers.ts';

export type SiegeSize = Readonly<{
  clients: number;
  /** Before, during and after. */
  rounds: number;
  slow: number;
  resetsPerMinute: number;
  addresses: number;
}>;

/** What honest members had meanwhile, seconds each. */
export type Spell = Readonly<{
  /** Rounds of all clusters, from their opening to their candidate. */
  rounds: readonly number[];
  /** A connection made anew, from its first byte to the first answer over it. */
  comingAnew: readonly number[];
  /** Processor time of the coordinator, for each second. */
  busy: number;
  coordinatorMiB: number;
}>;

export type SiegeTally = Readonly<{
  before: Spell;
  during: Spell;
  after: Spell;
  besieged: Besieged;
  /** Resets a minute that it came to. */
  resetsPerMinute: number;
  /** See refusedConnectionsAt. */
  refused: readonly string[];
  broken: readonly string[];
}>;

const besiegers = fileURLToPath(new URL('./besiegers.ts', import.meta.url));
const track = 'syscall';

/** A coordinator process and whole clients that hold rounds, then the same while others besiege its two ports, then after that. */
export async function siege(size: SiegeSize): Promise<SiegeTally> {
  const root = await mkdtemp(join(tmpdir(), 'testudo-siege-'));
  const closing: (() => Promise<unknown> | unknown)[] = [];
  try {
    return await besieged(root, size, (close) => void closing.push(close));
  } finally {
    for (const close of closing.reverse()) await close();
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function besieged(
  root: string,
  { clients, rounds, ...siegeSize }: SiegeSize,
  later: (close: () => Promise<unknown> | unknown) => void,
): Promise<SiegeTally> {
  const folder = join(root, 'coordinator');
  const tracks = [{ id: track, spec: './spec.json', model: './model.bin', policy: './policy.yaml' }];
  await foundCoordinator(testudo, folder, { listen: listenAnywhere, tracks });
  await writeTrack(folder, smallTrack(clients));
  const start = { testudo, config: join(folder, 'coordinator.yaml'), logFile: join(root, 'coordinator.log') };
  const { member, addresses } = await startCoordinatorProcess(start);
  later(() => member.stop());
  const credentials = unwrap(await readCredentials(join(folder, 'operator.json')));
  const connectAnew = () => connectOperator(credentials, addresses.federation);
  const operator = connectAnew();
  later(() => operator.close());
  const members: RunningClient[] = [];
  later(() => Promise.all(members.map((client) => client.close())));
  for (let at = 0; at < clients; at++) members.push(await startSmallClient(root, `c-${at}`, operator, [addresses]));

  const broken: string[] = [];
  const spell = () => holdRounds(rounds, { operator, connectAnew, member, clients, broken });
  const before = await spell();
  const heard: Besieged[] = [];
  const task = { federation: addresses.federation, enrolment: addresses.enrolment, ...siegeSize };
  const onLine = (line: string) => void heard.push(JSON.parse(line) as Besieged);
  const child = await startSpeaker({ program: besiegers, task, ready: 'besieging', onLine });
  later(() => child.kill());
  while (heard.length === 0) await pauseWhileRunning([member]);
  const [first, startedMs] = [heard.at(-1) as Besieged, performance.now()];
  const during = await spell();
  const [besiegedNow, minutes] = [heard.at(-1) as Besieged, (performance.now() - startedMs) / 60_000];
  child.kill();
  const refused = await refusedConnectionsAt(addresses.health);
  const after = await spell();
  const resetsPerMinute = (besiegedNow.resets - first.resets) / minutes;
  return { before, during, after, besieged: besiegedNow, resetsPerMinute, refused, broken };
}

type Held = Readonly<{
  operator: Operator;
  connectAnew: () => Operator;
  member: Member;
  clients: number;
  broken: string[];
}>;

async function holdRounds(rounds: number, { operator, connectAnew, member, clients, broken }: Held): Promise<Spell> {
  const [startedMs, startedCpu] = [performance.now(), cpuSecondsOf(member.pid)];
  const [took, comingAnew]: [number[], number[]] = [[], []];
  for (let count = 0; count < rounds; count++) {
    const cameMs = performance.now();
    const anew = connectAnew();
    await anew.call(anew.client.listTracks, {});
    comingAnew.push(secondsSince(cameMs));
    anew.close();

    const openedMs = performance.now();
    const { round } = await operator.call(operator.client.openRound, { track, reason: 'siege' });
    for (;;) {
      const { summary, participations } = await operator.call(operator.client.getRound, { track, round });
      if (summary?.endedAtMs === 0n) {
        await pauseWhileRunning([member], 20);
        continue;
      }
      const selected = participations.filter(({ fate }) => fate === UpdateFate.UPDATE_FATE_SELECTED).length;
      const isWhole = summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE && selected === clients;
      if (!isWhole) broken.push(`${round} ended with ${selected} of ${clients} updates`);
      break;
    }
    took.push(secondsSince(openedMs));
  }
  const busy = (cpuSecondsOf(member.pid) - startedCpu) / secondsSince(startedMs);
  return { rounds: took, comingAnew, busy, coordinatorMiB: residentMiB(member.pid) };
}

const secondsSince = (ms: number) => (performance.now() - ms) / 1_000;
