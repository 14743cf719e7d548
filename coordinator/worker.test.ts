import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import type { TestCluster } from './testing/cluster.ts';
import { masterKey, TestFederation, track } from './testing/federation.ts';
import { RedisServer } from './testing/redis-server.ts';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const names = ['a', 'b', 'c', 'd', 'e'];
const values = 1_000;
const delta = (name: string) => Float32Array.from({ length: values }, (_, at) => Math.sin(at + names.indexOf(name)));

/** A `testudo worker` process of this federation, and the line with which it says that an aggregation is done. */
function startWorker({ config }: TestFederation, failpoint?: string) {
  const path = join(dirname(config.dataDirectory), 'worker.yaml');
  const { federation, dataDirectory, redis } = config;
  writeFileSync(path, JSON.stringify({ federation, dataDirectory, redis, masterKey: { environment: 'WORKER_KEY' } }));
  const child: ChildProcess = spawn(process.execPath, [cli, 'worker', '--config', path], {
    env: { ...process.env, WORKER_KEY: masterKey, ...(failpoint !== undefined && { TESTUDO_FAILPOINT: failpoint }) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [ready, done] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    const { msg, candidate } = JSON.parse(line) as { msg: string; candidate: string };
    if (msg === 'worker ready') ready.resolve();
    if (msg === 'aggregation done') done.resolve(candidate);
  });
  return { child, ready: ready.promise, done: done.promise };
}

async function submitAll(members: readonly TestCluster[]): Promise<void> {
  for (const member of members) unwrap(await member.submit(delta(member.name)));
}

async function candidateOf(federation: TestFederation): Promise<string> {
  await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
  return federation.coordinator.engine.state().tracks.get(track)?.models[1]?.digest as string;
}

const policy = `
aggregation: { f: 1, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 5 }, collectForMs: 60000 }
`;

it('a worker that is killed in the middle of an aggregation is followed by another, to the same candidate', async () => {
  const undisturbed = await TestFederation.start({ values, policy });
  await submitAll(await undisturbed.round(names));
  const expected = await candidateOf(undisturbed);

  const redis = await RedisServer.start();
  const federation = await TestFederation.start({ values, policy, settings: [`redis.url=${redis.url}`] });
  const doomed = startWorker(federation, 'updates-opened'); // Kills itself with SIGKILL, the updates in its memory.
  await doomed.ready;
  const exit = once(doomed.child, 'exit');
  await submitAll(await federation.round(names));
  expect(await exit).toEqual([null, 'SIGKILL']);
  const other = startWorker(federation);
  // Said by the worker itself: had the coordinator run the rule, nobody would say it.
  expect(await Promise.all([other.done, candidateOf(federation)])).toEqual([expected, expected]);
});
