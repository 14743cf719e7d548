import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { FaultError, unwrap } from '../base/fault.ts';
import { holdToSchema } from '../cli/testing/held-to-schema.ts';
import { readCredentials } from '../coordinator/keys/operator-credentials.ts';
import {
  type Addresses,
  foundCoordinator,
  listenAnywhere,
  startCoordinatorProcess,
} from '../lab/rig/coordinator-process.ts';
import { lastLines, type Member, pauseWhileRunning, startMember } from '../lab/rig/member.ts';
import { connectOperator, type Operator } from '../lab/rig/operator.ts';
import { normalCalls } from '../lab/testing/node-calls.ts';
import { RoundPhase } from '../proto/generated/testudo/v1/operator.ts';
import { InstallOutcome } from '../proto/generated/testudo/v1/releases.ts';

const testudo = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const track = 'syscall';
/** Relays, and clients of each: `npm run campaign:relays` has two and three. */
const [relayCount = 1, clientCount = 1] = (process.env.TESTUDO_RELAYS ?? '1x1').split('x').map(Number);
const names = ['east', 'west'].slice(0, relayCount);
const clientsOf = (region: string) => Array.from({ length: clientCount }, (_, at) => `${region}-${at + 1}`);
let folder: string;
const members: Member[] = [];
const operators: Operator[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-relay-'));
});
afterAll(async () => {
  for (const operator of operators) operator.close();
  await Promise.all(members.map((member) => member.stop(60_000)));
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

it('a parent, its relays and their clients: a candidate at the root though a relay is killed, a release at the leaves, and a join', async () => {
  const root = await startRoot();
  const regions = await Promise.all(names.map((name) => startRegion(name, root)));
  await until(async () => {
    const { clusters } = await root.operator.call(root.operator.client.listClusters, all);
    return clusters.filter(({ connected }) => connected).length === relayCount || undefined;
  });
  const { client } = root.operator;
  const { round } = await root.operator.call(client.openRound, { track, reason: 'test' });
  // Killed with its clusters' round open: it goes on with that very round.
  const [east] = regions as [Region];
  await until(async () => (await roundsOf(east)).length === 1 || undefined);
  await east.killAndStart();
  const ended = await until(async () => {
    const answer = await root.operator.call(client.getRound, { track, round });
    return (answer.summary?.endedAtMs ?? 0n) === 0n ? undefined : answer;
  });
  expect({ phase: ended.summary?.phase, why: ended.why }).toEqual({ phase: RoundPhase.ROUND_PHASE_CANDIDATE, why: '' });
  expect(ended.participations.map(({ cluster }) => cluster).sort()).toEqual(names);

  expect((await roundsOf(east)).map(({ round: id, acceptedCount }) => [id, acceptedCount])).toEqual([
    ['r-1', clientCount],
  ]);

  // Every leaf of every region runs what the root released, signed by its region's own root.
  for (const { name, operator } of regions) {
    await until(async () => {
      const { releases } = await operator.call(operator.client.listReleases, { track, ...all });
      if (!releases.some(({ model }) => model?.version === 3n)) return undefined;
      const { installs } = await operator.call(operator.client.getRelease, { track, version: 3n });
      return (
        installs.filter(({ outcome }) => outcome === InstallOutcome.INSTALL_OUTCOME_INSTALLED).length === clientCount ||
        undefined
      );
    });
    const { release } = await operator.call(operator.client.getRelease, { track, version: 3n });
    const text = JSON.stringify(release, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    expect({ name, has: text.includes(ended.summary?.candidate?.digest ?? 'none') }).toEqual({ name, has: true });
  }

  const accesses = regions.map(({ name, credentials, addresses }) => `${name}=${credentials}@${addresses.federation}`);
  const words = ['relay', 'join', track, round, '--region', ...accesses, '--json'];
  const said = await verb([...words, '--credentials', root.credentials, '--address', root.addresses.federation]);
  for (const line of said.split('\n').filter((text) => text.startsWith('{'))) holdToSchema(words, line);
  const joined = said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  expect(joined.map(({ region, why }) => ({ region, why }))).toEqual(names.map((region) => ({ region, why: '' })));
  expect(joined.map(({ joined: one }) => one.members.map(({ cluster }: { cluster: string }) => cluster))).toEqual(
    names.map(clientsOf),
  );
}, 600_000);

const all = { page: { size: 100, token: '' } };

type Place = Readonly<{ addresses: Addresses; credentials: string; operator: Operator }>;

async function startRoot(): Promise<Place> {
  const place = await found('root', relayCount, false);
  const { member, addresses } = await startCoordinatorProcess({
    testudo,
    config: join(place, 'coordinator.yaml'),
    logFile: join(folder, 'root.log'),
  });
  members.push(member);
  return await reached(place, addresses);
}

type Region = Awaited<ReturnType<typeof startRegion>>;

async function roundsOf({ operator }: Pick<Region, 'operator'>) {
  return (await operator.call(operator.client.listRounds, { track, ...all })).rounds;
}

async function startRegion(name: string, root: Place) {
  const place = await found(name, clientCount, true);
  const { federation: parent, enrolment } = root.addresses;
  await verb(['relay', 'init', place, '--parent', parent, '--enrol', enrolment]);
  const path = join(place, 'relay.yaml'); // Several relays of one machine.
  await writeFile(path, stringify({ ...(parse(await readFile(path, 'utf8')) as object), health: { listen: null } }));
  // The token is being written when the relay starts: it is read again, without a restart.
  const tokenFile = join(place, 'parent-token');
  await writeFile(tokenFile, '');
  const start = () =>
    startCoordinatorProcess({
      testudo,
      verb: 'relay',
      config: join(place, 'relay.yaml'),
      logFile: join(folder, `${name}.log`),
    });
  const { member, addresses } = await start();
  members.push(member);
  const log = () => readFile(join(folder, `${name}.log`), 'utf8');
  await until(async () => (await log()).includes('"the region is no member of its parent"') || undefined);
  await writeFile(tokenFile, await token(root.operator, name, [{ key: 'relay', value: 'yes' }]));
  const region = await reached(place, addresses);
  for (const [seed, client] of clientsOf(name).entries()) await startLeaf(client, region, seed);
  await until(async () => {
    const { clusters } = await region.operator.call(region.operator.client.listClusters, all);
    return clusters.filter(({ connected }) => connected).length === clientCount || undefined;
  });
  const killAndStart = async () => {
    members.splice(members.indexOf(member), 1);
    member.kill();
    await member.exited;
    // Its clusters know where it was.
    const path = join(place, 'coordinator.yaml');
    await writeFile(path, stringify({ ...(parse(await readFile(path, 'utf8')) as object), listen: addresses }));
    members.push((await start()).member);
  };
  return { name, killAndStart, ...region };
}

/** A coordinator's folder, with the track of the default kind for one class of workload. */
async function found(name: string, updates: number, upward: boolean): Promise<string> {
  const place = join(folder, name);
  const words = ['--federation', name, '--classes', 'nginx', '--liars', '0'];
  await foundCoordinator(testudo, place, { listen: listenAnywhere }, words);
  const path = join(place, track, 'policy.yaml');
  const policy = parse(await readFile(path, 'utf8')) as object;
  const rounds = { quorum: { kind: 'count', updates }, overSelection: 1 };
  // The rule for regions, as docs/relays.md has it; so few say too little for any f above 0.
  const mixed = { f: 0, before: [{ kind: 'nearestNeighbourMixing' }], rule: { kind: 'trimmedMean' } };
  await writeFile(
    path,
    stringify({ ...policy, schedule: null, rounds, aggregation: mixed, ...(upward && { upward }) }),
  );
  return place;
}

async function reached(place: string, addresses: Addresses): Promise<Place> {
  const credentials = join(place, 'operator.json');
  const operator = connectOperator(unwrap(await readCredentials(credentials)), addresses.federation);
  operators.push(operator);
  return { addresses, credentials, operator };
}

async function token(
  { call, client }: Operator,
  cluster: string,
  more: { key: string; value: string }[] = [],
): Promise<string> {
  const labels = [{ key: 'class-nginx', value: 'yes' }, ...more];
  return (await call(client.createToken, { cluster, lifetimeSeconds: 3_600, labels })).token;
}

async function startLeaf(name: string, { operator, addresses }: Place, seed: number): Promise<void> {
  const traces = join(folder, `${name}.tsv`);
  const lines = Array.from({ length: 40 }, (_, at) => {
    const calls = [0, 1, 2].flatMap((part) => normalCalls(at * 3 + part + seed)).join(' ');
    return `train\t${name}\tnginx\tnormal\t${name}.${at}\t${calls}\n`;
  });
  await writeFile(traces, lines.join(''));
  const config = join(folder, `${name}.json`); // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      dataDirectory: join(folder, `${name}-data`),
      coordinator: {
        addresses: [addresses.federation],
        enrolAddress: addresses.enrolment,
        reconnectSecondsMax: 1,
      },
      joinToken: { environment: 'TESTUDO_JOIN_TOKEN' },
      tracks: [track],
      sources: [{ kind: 'traceFile', path: traces }],
      // However busy the machine is: who is invited learns from all of its file.
      training: { firstExamplesSecondsMax: 3_600, loopDelayMsMax: 600_000 },
      health: { listen: null },
    }),
  );
  members.push(
    await startMember({
      name,
      args: [testudo, 'client', '--config', config],
      env: { TESTUDO_JOIN_TOKEN: await token(operator, name) },
      logFile: join(folder, `${name}.log`),
    }),
  );
}

/** Runs a verb to its end, and gives what it said. */
async function verb(words: readonly string[]): Promise<string> {
  const logFile = join(folder, `${words[0]}-${words[1]}-${Math.random()}.out`);
  const run = await startMember({ name: words[0] ?? '', args: [testudo, ...words], logFile });
  await run.exited;
  if (run.exitCode() !== 0) throw new Error(`testudo ${words.join(' ')}:\n${await lastLines(run)}`);
  return await readFile(logFile, 'utf8');
}

/** Asks again and again, also whom nobody reaches now; throws what a process said last that has ended by itself. */
async function until<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const answer = await ask().catch((error: unknown) => {
      if (error instanceof FaultError && error.fault.code.startsWith('GRPC_')) return undefined;
      throw error;
    });
    if (answer !== undefined) return answer;
    await pauseWhileRunning(members);
  }
}
