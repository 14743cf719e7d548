import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { openS3BlobStore } from '../blobs/s3/s3-blob-store.ts';
import { trimCache } from '../blobs/s3/trim-cache.ts';
import { Vault } from '../keys/vault.ts';
import { FaultyStore, type StoreFault } from '../testing/faulty-store.ts';
import { ObjectStore, rclone } from '../testing/object-store.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import type { AggregationRunner } from './job.ts';
import { placesIn } from './places.ts';
import { StoredRunner } from './stored-runner.ts';
import { ThreadRunner } from './thread-runner.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await ObjectStore.start(rclone(rclonePath()));
});
afterAll(() => store.remove());

const faults: Readonly<Record<string, readonly [method: string, fault: StoreFault]>> = {
  'gives other bytes': ['GET', { kind: 'otherBytes' }],
  'gives half': ['GET', { kind: 'half' }],
  'gives nothing': ['GET', { kind: 'status', status: 503 }],
  'takes no candidate': ['PUT', { kind: 'status', status: 500 }],
};

async function candidateOnFiles() {
  const engine = await openSmallFederation(tempDir());
  onTestFinished(() => engine.close());
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  return (await roundEnd(engine, 'r-1')).phase;
}

it('a worker whose store fails blames no cluster and answers nothing; once it works, the candidate is the same', async () => {
  const proxy = await FaultyStore.open(store.port);
  onTestFinished(() => proxy.close());
  const [dataDir, workerDir] = [tempDir(), tempDir()];
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const theirs = (await store.open('runner', { endpoint: proxy.endpoint })).bucket;
  const blobs = await openS3BlobStore(theirs, workerDir, { isKeeper: false });
  const worker = new StoredRunner({
    inner: new ThreadRunner({ places: placesIn(workerDir), keyStore, timers: systemTimers }),
    blobs: async () => blobs,
  });
  const seen: Record<string, string> = {};
  const runner: AggregationRunner = {
    async run(job, signal) {
      for (const [name, [method, fault]] of Object.entries(faults)) {
        proxy.failNext(method, Number.POSITIVE_INFINITY, fault);
        const ran = await worker.run(job, signal);
        seen[name] = ran.ok ? 'ok' : ran.fault.code;
      }
      proxy.heal();
      return worker.run(job, signal);
    },
    close: (force) => worker.close(force),
  };
  const { bucket } = await store.open('runner');
  const engine = await openSmallFederation(dataDir, {
    ...{ keyStore, runner, policy: { ...policy, rounds: { ...policy.rounds, aggregateForMs: 3_600_000 } } },
    openBlobs: () => openS3BlobStore(bucket, dataDir, { isKeeper: true }),
  });
  onTestFinished(() => engine.close());
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const { phase } = await roundEnd(engine, 'r-1');
  expect(seen).toEqual(Object.fromEntries(Object.keys(faults).map((name) => [name, 'BLOB_UNREADABLE'])));
  const undisturbed = await candidateOnFiles();
  if (phase.kind !== 'candidate' || undisturbed.kind !== 'candidate') throw new Error(`${phase.kind}`);
  expect(phase.candidate).toEqual(undisturbed.candidate);
  const provenance = JSON.parse(Buffer.from(unwrap(await engine.blobs.get(phase.provenance))).toString());
  expect(provenance).toMatchObject({ n: 5, nAdmitted: 5, fApplied: 1 });
});

it('a cache lets go of what came first, down to what it may hold, and of fetches that were cut off a day ago', async () => {
  const dir = tempDir();
  for (const name of ['blobs', 'partial']) mkdirSync(join(dir, name));
  const dayMs = 24 * 3_600_000;
  const file = (name: string, atMs: number) => {
    writeFileSync(join(dir, name), Buffer.alloc(100));
    utimesSync(join(dir, name), atMs / 1_000, atMs / 1_000);
  };
  for (const [index, name] of ['old', 'middle', 'young'].entries()) file(`blobs/${name}`, dayMs + index * 1_000);
  file('partial/put.cut-off', dayMs);
  file('partial/put.under-way', 2 * dayMs);
  file('partial/an-upload', dayMs);
  await trimCache(dir, 200, 2 * dayMs + 1_000);
  expect(readdirSync(join(dir, 'blobs')).sort()).toEqual(['middle', 'young']);
  expect(readdirSync(join(dir, 'partial')).sort()).toEqual(['an-upload', 'put.under-way']);
});
