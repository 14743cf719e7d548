import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { systemTimers } from '../base/system-timers.ts';
import { digestOf } from '../proto/digest.ts';
import { parseDigest } from '../proto/ids.ts';
import { rclonePath } from '../tools/testing/stores/rclone.mjs';
import { backUp } from './backup.ts';
import { backUpBucket, digestsNamedInBackup } from './blob-backup.ts';
import type { TestCluster } from './testing/cluster.ts';
import { masterKey, TestFederation, track } from './testing/federation.ts';
import { ObjectStore, rclone } from './testing/object-store.ts';
import { PostgresServer } from './testing/postgres-server.ts';
import { RedisServer } from './testing/redis-server.ts';
import { tempDir } from './testing/temp-dir.ts';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const values = 1_000;
const names = ['a', 'b', 'c', 'd', 'e'];
const delta = (name: string) => Float32Array.from({ length: values }, (_, at) => Math.sin(at + names.indexOf(name)));
const policy = `
aggregation: { f: 1, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 5 }, collectForMs: 600000 }
`;

let database: PostgresServer;
let store: ObjectStore;
beforeAll(async () => {
  [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
});
afterAll(() => Promise.all([database.remove(), store.remove()]));

/** Journal and keys in a schema, blobs under a prefix, both of this name; the data directory holds nothing that must last. */
function elsewhere(folder: string, name: string): string[] {
  const secret = (file: string, text: string) => {
    writeFileSync(join(folder, file), `${text}\n`, { mode: 0o600 });
    return join(folder, file);
  };
  const { endpoint, bucket, accessKeyId, secretAccessKey } = store.settings();
  return [
    `journal.postgres.address=${database.url}`,
    `journal.postgres.password.file=${secret('password', PostgresServer.password)}`,
    `journal.postgres.schema=${name}`,
    `blobs.s3.endpoint=${endpoint}`,
    `blobs.s3.bucket=${bucket}`,
    `blobs.s3.prefix=${name}/`,
    `blobs.s3.credentials.accessKeyId.file=${secret('key-id', accessKeyId)}`,
    `blobs.s3.credentials.secretAccessKey.file=${secret('key', secretAccessKey)}`,
  ];
}

/** A `testudo worker` process with a data directory of its own, and the line with which it says that an aggregation is done. */
function startWorker({ config }: TestFederation, dataDirectory: string) {
  const path = join(dataDirectory, '..', 'worker.yaml');
  const { federation, redis, journal, blobs } = config;
  const file = (source: unknown) => ({ file: (source as { path: string }).path });
  const s3 = blobs.s3 as NonNullable<typeof blobs.s3>;
  const { accessKeyId, secretAccessKey } = s3.credentials;
  const keys = { accessKeyId: file(accessKeyId), secretAccessKey: file(secretAccessKey) };
  const settings = {
    ...{ federation, dataDirectory, redis, masterKey: { environment: 'WORKER_KEY' } },
    journal: { postgres: { ...journal.postgres, password: file(journal.postgres?.password) } },
    blobs: { s3: { ...s3, credentials: keys } },
  };
  writeFileSync(path, JSON.stringify(settings));
  const child: ChildProcess = spawn(process.execPath, [cli, 'worker', '--config', path], {
    env: { ...process.env, WORKER_KEY: masterKey },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [ready, done] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    const { msg, candidate, ...rest } = JSON.parse(line) as { msg: string; candidate: string };
    if (msg === 'worker ready') ready.resolve();
    else if (msg === 'aggregation done') done.resolve(candidate);
    else ready.reject(new Error(`${msg} ${JSON.stringify(rest)}`));
  });
  return { ready: ready.promise, done: done.promise };
}

async function submitAll(members: readonly TestCluster[]): Promise<void> {
  for (const member of members) unwrap(await member.submit(delta(member.name)));
}

async function candidateOf(federation: TestFederation, version = 1): Promise<string> {
  await federation.until(({ tracks }) => tracks.get(track)?.models.length === version + 1);
  return federation.coordinator.engine.state().tracks.get(track)?.models[version]?.digest as string;
}

describe('a coordinator with its journal in PostgreSQL and its blobs in a bucket', () => {
  it('has its rounds aggregated by a worker that shares no disk, and is followed from an empty folder', async () => {
    const undisturbed = await TestFederation.start({ values, policy });
    await submitAll(await undisturbed.round(names));
    const expected = await candidateOf(undisturbed);

    const redis = await RedisServer.start();
    const folder = tempDir();
    const settings = [...elsewhere(folder, 'apart'), `redis.url=${redis.url}`];
    const federation = await TestFederation.start({ values, policy, dataDirectory: folder, settings });
    const ownFolder = join(tempDir(), 'data');
    const worker = startWorker(federation, ownFolder);
    await worker.ready;
    const members = await federation.round(names);
    await submitAll(members);
    // Said by the worker itself: had the coordinator run the rule, nobody would say it.
    expect(await Promise.all([worker.done, candidateOf(federation)])).toEqual([expected, expected]);
    const hex = expected.slice('sha256:'.length);
    expect(readdirSync(join(ownFolder, 'blobs'))).toContain(hex);
    expect(readdirSync(join(store.folder, 'apart', 'blobs'))).toContain(hex);

    // On another machine nothing is left but what lies in the database and in the bucket.
    await federation.coordinator.close();
    const successor = await TestFederation.start({ values, policy, dataDirectory: tempDir(), settings });
    const model = unwrap(await successor.coordinator.engine.blobs.get(parseDigest(expected)));
    expect(digestOf(model)).toBe(expected);
    const again = await Promise.all(members.map((member) => successor.reconnect(member)));
    for (const member of again) await member.watch([track]);
    const round = await successor.openRound();
    for (const member of again) await member.invitationTo(round);
    await submitAll(again);
    expect(await candidateOf(successor, 2)).toMatch(/^sha256:/);
  });

  it('takes what lay in files into the bucket, and is backed up out of it whole', async () => {
    const folder = tempDir();
    const before = await TestFederation.start({ values, policy, dataDirectory: folder });
    const first = before.coordinator.engine.state().tracks.get(track)?.models[0]?.digest as string;
    await before.coordinator.close();
    const settings = elsewhere(folder, 'taken').filter((each) => !each.startsWith('journal.'));
    const after = await TestFederation.start({ values, policy, dataDirectory: folder, settings });
    const hex = first.slice('sha256:'.length);
    const objects = () => readdirSync(join(store.folder, 'taken', 'blobs'));
    expect(objects()).toContain(hex);
    const files = readdirSync(join(folder, 'data', 'blobs'));
    // What a coordinator signs meanwhile lies in a file a little earlier than in the bucket.
    await expect.poll(objects).toEqual(expect.arrayContaining(files));

    rmSync(join(folder, 'data', 'blobs', hex)); // A cache may lose what it likes.
    const target = join(tempDir(), 'data');
    unwrap(await backUp(join(folder, 'data'), target));
    unwrap(await backUpBucket(after.config, { environment: {}, timers: systemTimers }, target));
    // Metadata that was signed anew since `files` was listed replaced what lay there: a backup holds what its own journal names.
    const named = unwrap(await digestsNamedInBackup(target));
    expect(named).toContain(hex);
    const there = objects().filter((each) => named.has(each));
    expect(there.length).toBeGreaterThan(3);
    expect(readdirSync(join(target, 'blobs'))).toEqual(expect.arrayContaining(there));
    const restored = await TestFederation.start({ values, policy, dataDirectory: join(target, '..') });
    expect(unwrap(await restored.coordinator.engine.blobs.get(parseDigest(first)))).toHaveLength(values * 4);
  });

  it.each([
    ['the wrong key', ['blobs.s3.credentials.secretAccessKey.file=wrong'], 'BLOB_STORE_DENIED'],
    ['a bucket that is not there', ['blobs.s3.bucket=another'], 'BUCKET_NOT_FOUND'],
    ['a store that does not answer', ['blobs.s3.endpoint=http://127.0.0.1:1'], 'BLOB_IO'],
  ])('does not start with %s', async (_, other, code) => {
    const folder = tempDir();
    writeFileSync(join(folder, 'wrong'), 'another secret\n', { mode: 0o600 });
    const settings = elsewhere(folder, 'refused').filter((each) => !other[0]?.startsWith(each.split('=')[0] as string));
    const wrong = other.map((each) => each.replace('=wrong', `=${join(folder, 'wrong')}`));
    const started = TestFederation.start({ values, dataDirectory: folder, settings: [...settings, ...wrong] });
    await expect(started).rejects.toThrow(code);
    await expect(started).rejects.not.toThrow('another secret');
  });
});
