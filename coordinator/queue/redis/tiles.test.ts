import { Queue } from 'bullmq';
import { expect, it, onTestFinished, vi } from 'vitest';
import { refuse, unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { AggregationJob, AggregationRunner } from '../../candidate/job.ts';
import { placesIn } from '../../candidate/places.ts';
import { ThreadRunner } from '../../candidate/thread-runner.ts';
import { ensureQueueKey, queueKey } from '../../keys/queue-key.ts';
import { RedisServer } from '../../testing/redis-server.ts';
import { takePart } from '../../testing/small-client.ts';
import { clusters, federation, operator, track } from '../../testing/small-federation.ts';
import { roundEnd } from '../../testing/wait.ts';
import { engineOn } from '../backend-contract.ts';
import { startAggregationWorker } from './aggregation-worker.ts';
import { RedisLink } from './redis-link.ts';
import { aggregationQueue, RedisRunner } from './redis-runner.ts';
import { RedisWaker } from './redis-waker.ts';

/** Three blocks of the five updates, so six tiles. */
const grid = { rows: 2, updatesMin: 4 };
/** What the undisturbed round of every backend gives (backend-contract.ts). */
const honestCandidate = 'sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9';

/** A round by so many workers; the first tile that is taken fails once. What was run, and what came of it. */
async function roundBy(
  workers: number,
  meddle: (server: RedisServer) => Promise<() => Promise<void>> = async () => async () => {},
) {
  const server = await RedisServer.start();
  const meddleOn = await meddle(server);
  const ran: {
    tiles: string[];
    jobs: AggregationJob[];
    wholes: Awaited<ReturnType<AggregationRunner['run']>>[];
    discarded: Digest[];
    troubles: string[];
  } = { tiles: [], jobs: [], wholes: [], discarded: [], troubles: [] };
  let fails = true;
  const noted = (runner: ThreadRunner): AggregationRunner => ({
    async run(job) {
      ran.jobs.push(job);
      const { tiles: _, ...whole } = job;
      ran.wholes.push(await runner.run(whole)); // The same sealed updates: their digests stand in the provenance.
      return runner.run(job);
    },
    async runTile(tile) {
      if (fails) {
        fails = false;
        return refuse('WORKER_LOST', 'a worker that dies with its tile');
      }
      ran.tiles.push(`${tile.job.id} ${tile.rows}`);
      return runner.runTile(tile);
    },
    close: (force) => runner.close(force),
  });
  const link = async () => {
    const made = unwrap(
      await RedisLink.open({ place: server, probeMs: 100, timeoutMs: 300, timers: systemTimers, trouble: () => {} }),
    );
    onTestFinished(() => made.close());
    return made;
  };
  const { engine } = await engineOn(
    async (dataDir, keyStore) => {
      const trouble = (code: string) => void ran.troubles.push(code);
      const threads = () => noted(new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers }));
      for (let count = 0; count < workers; count++) {
        const runner = threads();
        const parts = { link: await link(), federation, runner, queueKey: () => queueKey(keyStore), trouble };
        const worker = startAggregationWorker(parts);
        onTestFinished(async () => {
          await worker.close(true);
          await runner.close(true);
        });
      }
      const [own, shared] = [await link(), await link()];
      const runner = new RedisRunner({
        ...{ link: own, federation, grid, fallback: threads(), timers: systemTimers },
        trouble,
        fallbackAfterMs: workers === 0 ? 200 : 600_000,
        queueKey: await ensureQueueKey(keyStore),
        discard: (digests) => ran.discarded.push(...digests),
      });
      return { waker: new RedisWaker(shared, federation, systemTimers), runner };
    },
    { watchdogMs: 200 },
  );
  for (const cluster of clusters) takePart(engine, cluster, () => {});
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await meddleOn();
  const { phase } = await roundEnd(engine, 'r-1');
  expect(phase).toMatchObject({ kind: 'candidate' });
  return { ...ran, phase, candidate: engine.state().tracks.get(track)?.models[1]?.digest };
}

it('a round of tiles gives the same candidate and provenance whatever the number of workers, none and one that dies among them', async () => {
  const alone = await roundBy(0);
  expect(alone.jobs.map(({ tiles }) => tiles)).toEqual([undefined]);
  expect(alone.candidate).toBe(honestCandidate);
  for (const workers of [1, 3]) {
    const { tiles, jobs, wholes, discarded, phase, candidate } = await roundBy(workers);
    const names = ['0.0 2', '0.1 2', '0.2 2', '1.1 2', '1.2 2', '2.2 1'].map(
      (tile) => `aggregate.${track}.r-1.tile.${tile}`,
    );
    expect(tiles.toSorted()).toEqual(names);
    expect(jobs.map(({ tiles }) => tiles?.digests.length)).toEqual([6]);
    expect(new Set(discarded)).toEqual(new Set(jobs[0]?.tiles?.digests));
    expect(candidate).toBe(honestCandidate);
    const { provenance } = phase as { provenance?: Digest };
    expect(wholes).toMatchObject([{ ok: true, value: { candidate, provenance } }]);
  }
});

it('a tile that somebody changed in the queue is computed by nobody, and it is said', async () => {
  const ran = await roundBy(1, async (server) => {
    const connection = { url: server.url, maxRetriesPerRequest: null };
    const queue = new Queue(aggregationQueue(federation), { connection });
    onTestFinished(() => queue.close());
    await queue.pause();
    return async () => {
      const tile = await vi.waitUntil(() => queue.getJob(`aggregate.${track}.r-1.tile.0.1`), 600_000);
      const { body, mac } = tile.data as { body: string; mac: string };
      await tile.updateData({ body: body.replace('"rows":2', '"rows":1'), mac });
      await queue.resume();
    };
  });
  expect(ran.troubles).toContain('JOB_FORGED');
  expect(ran.tiles).not.toContain(`aggregate.${track}.r-1.tile.0.1 1`);
  expect(ran.candidate).toBe(honestCandidate);
});
