import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../../base/fault.ts';
import { readCredentials } from '../../../coordinator/keys/operator-credentials.ts';
import { enrolCluster } from '../../../coordinator/testing/cluster.ts';
import type { Addresses } from '../../../lab/rig/coordinator-process.ts';
import type { Member } from '../../../lab/rig/member.ts';
import { type Speaker, startSpeaker } from '../../../lab/rig/speaker.ts';
import type { DooredFederation } from '../../../lab/testing/doored-federation.ts';
import { freePlace } from '../../harness/places.ts';
import { cpuSecondsOf, peakMiB } from '../../harness/process-figures.ts';
import type { ClientsTask } from '../../round/clients.ts';
import { capsFor, doorReady, foundForCrowd, tokensFor, track } from '../crowd-federation.ts';

/** `values`: of one update, 4 bytes each. No doors: the clusters stand at the coordinator itself. */
export type UploadSize = Readonly<{ doors: number; clients: number; values: number; rounds: number }>;

/** Per update: processor time of all threads, from the opening of a round until its last receipt, means of all rounds but the first. */
export type UploadFigures = Readonly<{
  leaderSeconds: number;
  /** Of all doors together. */
  doorSeconds: number;
  clientSeconds: number;
  leaderMiB: number;
  doorMiB: number;
  /** By the clock, until the last receipt of a round. */
  roundSeconds: number;
}>;

const program = fileURLToPath(new URL('../../round/clients.ts', import.meta.url));
const processes = 2;

/** One more than send: no round ends before it is cancelled, so that its mathematics is not measured. */
const policyOf = (clients: number) => `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: count, updates: ${clients + 1} }, overSelection: 1, quorum: { kind: count, updates: ${clients + 1} },
  recruitForMs: 3600000, collectForMs: 14400000 }
`;

/** What the receipt of an update costs the coordinator that leads and the doors before it: base model out, update in, checks, syncs, journal. */
export async function measureUploads(folder: string, size: UploadSize): Promise<UploadFigures> {
  const closing: (() => Promise<void>)[] = [];
  try {
    const { clients, values } = size;
    const trackOf = { values, policy: policyOf(clients) };
    const federation = await foundForCrowd(folder, clients, trackOf, (close) => void closing.push(close));
    return await measured(federation, size, closing);
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

async function measured(
  federation: DooredFederation,
  { doors, clients, values, rounds }: UploadSize,
  closing: (() => Promise<void>)[],
): Promise<UploadFigures> {
  const at = await freePlace();
  const leader = (await federation.startCoordinator('leader', { at })).member;
  const operator = await federation.operatorAt(at.federation);
  const serving = await startDoors(federation, at, doors, clients);
  const entrances = serving.length === 0 ? [at.federation] : serving.map(({ address }) => address);
  const { authority } = unwrap(await readCredentials(join(federation.folder, 'operator.json')));
  const receipts = new Receipts();
  const crowd: Speaker[] = [];
  closing.push(async () => {
    for (const speaker of crowd) speaker.kill();
  });
  for (let one = 0; one < processes; one += 1) {
    const count = Math.floor(clients / processes) + (one < clients % processes ? 1 : 0);
    const names = Array.from({ length: count }, (_, at) => `crowd-${one}-${at}`);
    const tokens = await tokensFor(operator, names);
    const addresses = { ...at, federation: entrances[one % entrances.length] as string };
    const task: ClientsTask = { addresses, authority, tokens, track, values, firstSeed: one * clients + 1 };
    crowd.push(await startSpeaker({ program, task, ready: 'watching', onLine: (round) => receipts.note(round) }));
  }
  const [token] = await tokensFor(operator, ['silent']);
  const silent = unwrap(await enrolCluster(at, authority, token as string));
  closing.push(async () => silent.close());
  await silent.watch([track]);

  const doorPids = serving.map(({ member }) => member.pid);
  const spent = () => ({
    leader: cpuSecondsOf(leader.pid),
    door: doorPids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    client: crowd.reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0),
    clock: performance.now() / 1_000,
  });
  const sums = { leader: 0, door: 0, client: 0, clock: 0 };
  for (let round = 0; round <= rounds; round += 1) {
    const before = spent();
    const opened = await operator.call(operator.client.openRound, { track, reason: 'benchmark' });
    await receipts.of(opened.round, clients);
    const after = spent();
    // A coordinator and a door run for weeks: what they compile in the first round is not counted.
    if (round > 0)
      for (const who of ['leader', 'door', 'client', 'clock'] as const) sums[who] += after[who] - before[who];
    await operator.call(operator.client.cancelRound, { track, round: opened.round, reason: 'benchmark' });
  }
  const each = (seconds: number) => seconds / (rounds * clients);
  return {
    ...{ leaderSeconds: each(sums.leader), doorSeconds: each(sums.door), clientSeconds: each(sums.client) },
    ...{ leaderMiB: peakMiB(leader.pid), doorMiB: Math.max(0, ...doorPids.map(peakMiB)) },
    roundSeconds: sums.clock / rounds,
  };
}

async function startDoors(
  federation: DooredFederation,
  leader: Addresses,
  count: number,
  clients: number,
): Promise<readonly Readonly<{ member: Member; address: string }>[]> {
  const doors: { member: Member; address: string }[] = [];
  for (let one = 0; one < count; one += 1) {
    const name = `door-${one}`;
    const credentials = await federation.addDoor(name, [leader]);
    const { member, addresses } = await federation.startDoor(credentials, name, { settings: capsFor(clients) });
    await doorReady(addresses, member);
    doors.push({ member, address: addresses.federation });
  }
  return doors;
}

/** Receipts that clients of other processes had, by round. */
class Receipts {
  readonly #counts = new Map<string, number>();
  #changed = Promise.withResolvers<void>();

  note(round: string): void {
    this.#counts.set(round, (this.#counts.get(round) ?? 0) + 1);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when so many clients have had theirs for a round; throws where there were more. */
  async of(round: string, clients: number): Promise<void> {
    for (;;) {
      const count = this.#counts.get(round) ?? 0;
      if (count > clients) throw new Error(`${count} receipts for ${clients} updates of ${round}`);
      if (count === clients) return;
      await this.#changed.promise;
    }
  }
}
