import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Digest, RoundId } from '../../proto/ids.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import { Vault } from '../keys/vault.ts';
import { takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';
import type { Engine } from './engine.ts';

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
