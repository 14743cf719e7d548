import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Digest, RoundId } from '../../proto/ids.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { openS3BlobStore } from '../blobs/s3/s3-blob-store.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import { Vault } from '../keys/vault.ts';
import { FaultyStore } from '../testing/faulty-store.ts';
import { ObjectStore, rclone } from '../testing/object-store.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import type { Engine } from './engine.ts';
import { digestsNamedIn } from './orphans.ts';

async function stored(engine: Engine): Promise<Set<Digest>> {
  const digests = new Set<Digest>();
  for await (const digest of engine.blobs.list()) digests.add(digest);
  return digests;
}

it('a start removes the candidate of a round that was abandoned meanwhile, and what a killed writer left half', async () => {
  const dataDir = tempDir();
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const honest = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
  const orphans: Digest[] = [];
  let engine: Engine;
  const tooLate: AggregationRunner = {
    async run(job) {
      const result = await honest.run(job);
      if (job.round !== 'r-2') return result;
      const { candidate, provenance, optimiserState } = unwrap(result);
      orphans.push(candidate, provenance, optimiserState as Digest);
      unwrap(await engine.cancelRound(operator, { track, round: 'r-2' as RoundId, reason: 'test' }));
      return result;
    },
    close: (force) => honest.close(force),
  };
  engine = await openSmallFederation(dataDir, { keyStore, runner: tooLate });
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await roundEnd(engine, 'r-1');
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  expect((await roundEnd(engine, 'r-2')).phase.kind).toBe('abandoned');
  const before = await stored(engine);
  for (const orphan of orphans) expect(before).toContain(orphan);
  await engine.close();
  writeFileSync(join(dataDir, 'partial', 'put.left-half'), 'half a blob');

  const again = await openSmallFederation(dataDir, { keyStore });
  onTestFinished(() => again.close());
  const after = await stored(again);
  expect([...before].filter((digest) => !after.has(digest)).sort()).toEqual(orphans.sort());
  expect(readdirSync(join(dataDir, 'partial'))).toEqual([]);
  for (const { digest, provenance } of again.state().tracks.get(track)?.models ?? []) {
    expect(after).toContain(digest);
    if (provenance !== null) expect(after).toContain(provenance);
  }
});

it('rounds are served while a bucket is still listed, and only what nothing names by then goes from it', async () => {
  const store = await ObjectStore.start(rclone(rclonePath()));
  onTestFinished(() => store.remove());
  const proxy = await FaultyStore.open(store.port);
  onTestFinished(() => proxy.close());
  const dataDir = tempDir();
  const { bucket } = await store.open('orphans', { endpoint: proxy.endpoint });
  const blobs = await openS3BlobStore(bucket, dataDir, { isKeeper: true, removalAgeMs: -60_000 });
  const orphan = unwrap(await blobs.put(Buffer.from('of a round that nobody remembers')));
  const [asked, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  proxy.fault = ({ isListing }) => {
    if (!isListing) return undefined;
    asked.resolve();
    return { kind: 'held', until: released.promise };
  };
  const engine = await openSmallFederation(dataDir, { openBlobs: async () => blobs });
  onTestFinished(() => engine.close());
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
  await asked.promise;
  proxy.heal();
  released.resolve();
  const sweep = () => blobs.sweep(() => digestsNamedIn(engine.state()));
  await vi.waitUntil(async () => (await sweep()) > 0, 600_000);
  expect(unwrap(await bucket.head(orphan))).toBeUndefined();
  for (const _ of [1, 2]) expect(await sweep()).toBe(0);
  for (const hex of await digestsNamedIn(engine.state())) {
    const digest = `sha256:${hex}` as Digest;
    if (await blobs.has(digest)) expect(unwrap(await bucket.head(digest)), digest).toBeDefined();
  }
  expect(await blobs.has(engine.state().tracks.get(track)?.models[1]?.digest as Digest)).toBe(true);
});
