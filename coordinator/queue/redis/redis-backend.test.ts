import { setTimeout } from 'node:timers/promises';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import { startTcpProxy } from '../../../lab/testing/tcp-proxy.ts';
import type { RoundId } from '../../../proto/ids.ts';
import type { AggregationJob, AggregationRunner, RunFaultCode } from '../../candidate/job.ts';
import { placesIn } from '../../candidate/places.ts';
import { ThreadRunner } from '../../candidate/thread-runner.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { MemoryKeyStore } from '../../keys/memory-key-store.ts';
import { ensureQueueKey, queueKey } from '../../keys/queue-key.ts';
import type { Engine } from '../../rounds/engine.ts';
import { startSentinels } from '../../testing/redis-sentinel.ts';
import { hasRedisServer, RedisServer } from '../../testing/redis-server.ts';
import { takePart } from '../../testing/small-client.ts';
import { clusters, federation, operator, policy, track } from '../../testing/small-federation.ts';
import { roundEnd, until } from '../../testing/wait.ts';
import { type Backend, backendContract, engineOn } from '../backend-contract.ts';
import { startAggregationWorker } from './aggregation-worker.ts';
import { authenticate } from './authenticated.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisPlace } from './redis-place.ts';
import { aggregationLists, aggregationQueue, RedisRunner } from './redis-runner.ts';
import { RedisWaker } from './redis-waker.ts';

if (!hasRedisServer())
  throw new Error('redis-server is not on PATH; install it (Debian: apt-get install redis-server)');

/** Every round must be done by workers: a fallback that runs fails the test that did not expect it. */
const noFallback: AggregationRunner = {
  run: async (): Promise<Result<never, RunFaultCode>> => {
    throw new Error('the fallback ran, although a worker should have');
  },
  close: async () => {},
};

/** Between two looks at a server: one that is asked without a pause keeps a processor busy, and itself. */
const shortly = () => setTimeout(20);

type Options = Readonly<{
  workers?: number;
  troubles?: string[];
  fallbackAfterMs?: number;
  fallback?: (dataDir: string, keyStore: KeyStore) => AggregationRunner;
}>;

/** Links that look often, so that outages of a test need not last. */
async function linkTo(place: RedisPlace, troubles: string[] = []): Promise<RedisLink> {
  // A fail-over by Sentinels takes seconds anyhow, and a machine that is busy is to be taken for no outage meanwhile.
  const timeoutMs = place.sentinels === undefined ? 300 : 1_500;
  const trouble = (code: string) => void troubles.push(code);
  const link = unwrap(await RedisLink.open({ place, probeMs: 100, timeoutMs, timers: systemTimers, trouble }));
  onTestFinished(() => link.close());
  return link;
}

async function backendOn(
  server: RedisPlace,
  dataDir: string,
  keyStore: KeyStore,
  { workers = 1, fallback = () => noFallback, troubles = [], fallbackAfterMs = 500 }: Options = {},
): Promise<Backend> {
  const trouble = (code: string) => void troubles.push(code);
  const link = await linkTo(server);
  for (let count = 0; count < workers; count++) {
    const runner = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
    const parts = { link: await linkTo(server), federation, runner, queueKey: () => queueKey(keyStore), trouble };
    const worker = startAggregationWorker(parts);
    onTestFinished(async () => {
      await worker.close(true);
      await runner.close(true);
    });
  }
  return {
    waker: new RedisWaker(link, federation, systemTimers),
    runner: new RedisRunner({
      link,
      federation,
      fallback: fallback(dataDir, keyStore),
      fallbackAfterMs,
      queueKey: await ensureQueueKey(keyStore),
      timers: systemTimers,
      trouble,
    }),
  };
}

backendContract('Redis with one worker', async (dataDir, keyStore) =>
  backendOn(await RedisServer.start(), dataDir, keyStore),
);

/** A round is open and three of five updates are in. */
async function halfARound(server: RedisPlace, options: Options = {}) {
  const { engine } = await engineOn((dataDir, keyStore) => backendOn(server, dataDir, keyStore, options), {
    watchdogMs: 200,
  });
  for (const cluster of clusters.slice(0, 3)) takePart(engine, cluster, () => {});
  const rest = clusters.slice(3).map((cluster) => engine.join(cluster, [track], () => {}));
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  await until(engine, () => (acceptedCount(engine) === 3 ? true : undefined));
  const finish = async () => {
    for (const membership of rest) membership.leave();
    for (const cluster of clusters.slice(3)) takePart(engine, cluster, () => {});
    return roundEnd(engine, 'r-1');
  };
  return { engine, finish };
}

function acceptedCount(engine: Engine): number {
  const phase = engine.state().tracks.get(track)?.rounds.values().next().value?.phase;
  return phase !== undefined && 'accepted' in phase ? phase.accepted.length : 0;
}

/** A fallback that works, and says that it was needed. */
function countedFallback() {
  const jobs: AggregationJob[] = [];
  const make = (dataDir: string, keyStore: KeyStore): AggregationRunner => {
    const runner = new ThreadRunner({ places: placesIn(dataDir), keyStore, timers: systemTimers });
    return {
      run: (job) => {
        jobs.push(job);
        return runner.run(job);
      },
      close: (force) => runner.close(force),
    };
  };
  return { jobs, make };
}

describe('a round on Redis', () => {
  it('ends with its candidate when Redis is killed in the middle and started empty', async () => {
    const server = await RedisServer.start();
    const { finish } = await halfARound(server);
    await server.kill();
    await server.start();
    expect((await finish()).phase.kind).toBe('candidate');
  });

  it('ends with its candidate when Redis is lost for good: the coordinator runs the rule itself', async () => {
    const server = await RedisServer.start();
    const fallback = countedFallback();
    const { finish } = await halfARound(server, { fallback: fallback.make });
    await server.kill();
    expect((await finish()).phase.kind).toBe('candidate');
    expect(fallback.jobs).toHaveLength(1);
  });

  it('ends with its candidate when Redis is frozen, and the next round when it is thawed, by a worker', async () => {
    const server = await RedisServer.start();
    const fallback = countedFallback();
    const { engine, finish } = await halfARound(server, { fallback: fallback.make });
    server.freeze();
    expect((await finish()).phase.kind).toBe('candidate');
    expect(fallback.jobs).toHaveLength(1);
    server.thaw();
    await until(engine, () => true);
    const link = await linkTo(server);
    while (!link.isUp) await link.probe().then(shortly);
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    expect((await roundEnd(engine, 'r-2')).phase.kind).toBe('candidate');
  });

  it('ends with its candidate when Redis is full', async () => {
    const server = await RedisServer.start('--maxmemory', '1mb', '--maxmemory-policy', 'noeviction');
    const fallback = countedFallback();
    const { finish } = await halfARound(server, { fallback: fallback.make });
    expect((await finish()).phase.kind).toBe('candidate');
    expect(fallback.jobs).toHaveLength(1);
  });

  it('opens and closes when it is due while Redis is gone, and after Redis came back with nothing in it', async () => {
    const server = await RedisServer.start();
    const schedule = { cron: '* * * * * *', timeZone: 'UTC', blackouts: [] };
    const hurried = { ...policy, schedule, rounds: { ...policy.rounds, collectForMs: 200 } };
    // With the watchdog that a coordinator has: what is due is found within its 5 s, whatever the queue says.
    const make = (dataDir: string, keyStore: KeyStore) => backendOn(server, dataDir, keyStore);
    await server.kill();
    const { engine } = await engineOn(make, { policy: hurried });
    for (const cluster of clusters) engine.join(cluster, [track], () => {});
    expect((await roundEnd(engine, 'r-1')).phase).toMatchObject({ reason: 'QUORUM_MISSED' });
    await server.start();
    const before = engine.state().tracks.get(track)?.roundCount as number;
    const next = await roundEnd(engine, `r-${before + 2}`);
    expect(next.phase).toMatchObject({ reason: 'QUORUM_MISSED' });
  });

  it('is done once for each round when several workers wait', async () => {
    const server = await RedisServer.start();
    const { engine, finish } = await halfARound(server, { workers: 3 });
    expect((await finish()).phase.kind).toBe('candidate');
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    expect((await roundEnd(engine, 'r-2')).phase.kind).toBe('candidate');
  });
});

/** A primary and its replica behind one address, which leads to whichever is the primary: a VIP, a name, a Sentinel's proxy. */
async function failOverPair() {
  const [first, second] = [await RedisServer.start(), await RedisServer.start()];
  const clients = [first, second].map(({ url }) => new Redis(url));
  onTestFinished(() => clients.forEach((client) => void client.disconnect()));
  const [a, b] = clients as [Redis, Redis];
  const portOf = ({ url }: RedisServer) => Number(new URL(url).port);
  await b.replicaof('127.0.0.1', portOf(first));
  while (!(await b.info('replication')).includes('master_link_status:up')) await shortly();
  let target = first;
  const proxy = await startTcpProxy(() => portOf(target));
  onTestFinished(() => proxy.close());
  /** Connections that are open stay where they are: at what is a replica from now on. */
  const failOver = async () => {
    await b.replicaof('NO', 'ONE');
    await a.replicaof('127.0.0.1', portOf(second));
    target = second;
  };
  return { url: `redis://127.0.0.1:${proxy.port}`, failOver };
}

describe('a primary that becomes a replica while its connections stay open', () => {
  it('is left for the new one: workers and wakers go on without a restart, and no round needs the fallback', async () => {
    const pair = await failOverPair();
    const troubles: string[] = [];
    const { engine, finish } = await halfARound(pair, { workers: 2, troubles, fallbackAfterMs: 600_000 });
    await pair.failOver();
    expect((await finish()).phase.kind).toBe('candidate');
    expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(honestCandidate);
    unwrap(await engine.openRound(operator, { track, reason: 'test' }));
    expect((await roundEnd(engine, 'r-2')).phase.kind).toBe('candidate');
  });

  it('is told from one that is there: the link is down at a replica, says so once, and is up at the primary', async () => {
    const pair = await failOverPair();
    const troubles: string[] = [];
    const link = await linkTo(pair, troubles);
    let returns = 0;
    link.onReturn(() => {
      returns += 1;
    });
    await pair.failOver();
    while (link.isUp) await link.probe().then(shortly);
    expect(troubles).toEqual(['REDIS_READ_ONLY']);
    while (!link.isUp) await link.probe().then(shortly);
    expect(troubles.at(-1)).toBe('REDIS_BACK');
    expect(returns).toBe(1);
  });
});

describe('a primary that Sentinels replace', () => {
  it.each(['killed', 'frozen'] as const)(
    'and that was %s is left for the new one: workers and wakers go on without a restart, and no round needs the fallback',
    async (how) => {
      const watched = await startSentinels();
      const { engine, finish } = await halfARound(watched.place, { workers: 2, fallbackAfterMs: 600_000 });
      if (how === 'killed') await watched.primary.kill();
      else watched.primary.freeze();
      await watched.isReplaced();
      expect((await finish()).phase.kind).toBe('candidate');
      expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(honestCandidate);
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      expect((await roundEnd(engine, 'r-2')).phase.kind).toBe('candidate');
      // It comes back as a replica, and nobody goes to it.
      if (how === 'killed') await watched.primary.start();
      else watched.primary.thaw();
      unwrap(await engine.openRound(operator, { track, reason: 'test' }));
      expect((await roundEnd(engine, 'r-3')).phase.kind).toBe('candidate');
    },
    600_000,
  );

  it('opens although no Sentinel is there yet, and finds the primary once one is', async () => {
    const ports = await lastingPorts(1);
    const link = await linkTo({ url: 'redis://herd', sentinels: ports.map((port) => `127.0.0.1:${port}`) });
    expect(link.isUp).toBe(false);
    await startSentinels({ name: 'herd', password: '', ports });
    while (!link.isUp) await link.probe().then(shortly);
  }, 600_000);
});

it('a Redis that answers late has refused nothing; one that says no has', async () => {
  const server = await RedisServer.start();
  const troubles: string[] = [];
  // No probe of its own, so that all that is told is about what is asked here.
  const trouble = (code: string, message: string) => void troubles.push(`${code}: ${message}`);
  const options = { place: server, probeMs: 3_600_000, timeoutMs: 300, timers: systemTimers, trouble };
  const link = unwrap(await RedisLink.open(options));
  const client = new Redis(server.url, link.producer);
  onTestFinished(async () => {
    client.disconnect();
    await link.close();
  });
  await vi.waitUntil(() => client.status === 'ready', 600_000);
  server.freeze();
  expect([await link.ask(() => client.ping()), troubles]).toEqual([undefined, []]);
  server.thaw();
  await vi.waitUntil(() => link.ask(() => client.ping()), 600_000);
  expect(await link.ask(() => client.call('NONSENSE'))).toBeUndefined();
  expect(troubles).toEqual([expect.stringMatching(/^REDIS_REFUSED: ERR unknown command/)]);
});

/** What the undisturbed round of every backend gives (backend-contract.ts). */
const honestCandidate = 'sha256:1e70e39127ec9cf2222281ce1ac455b895963eb9ef62736835ce9cdde58650d9';

/** A plain client of the queue that knows the federation's name and nothing else: whoever reaches Redis. */
function attacker(server: RedisServer): Queue {
  const queue = new Queue(aggregationQueue(federation), {
    connection: { url: server.url, maxRetriesPerRequest: null },
  });
  onTestFinished(() => queue.close());
  return queue;
}

/** The job as it lies in the paused queue, once it is there. */
async function waitingJob(queue: Queue, id: string): Promise<Job> {
  return await vi.waitUntil(() => queue.getJob(id), 600_000);
}

describe('a round that collects', () => {
  it('leaves one job in the list that workers are scaled by, which whoever takes it warms up for; others cannot', async () => {
    const server = await RedisServer.start();
    const queue = attacker(server);
    await queue.pause();
    expect(aggregationLists(federation)).toEqual({ waiting: queue.toKey('wait'), active: queue.toKey('active') });
    const keyStore = new MemoryKeyStore();
    const runner = new RedisRunner({
      link: await linkTo(server),
      ...{ federation, fallback: noFallback, queueKey: await ensureQueueKey(keyStore), timers: systemTimers },
      trouble: () => {},
    });
    onTestFinished(() => runner.close(true));
    await queue.add('warm', { body: '{"values":1}', mac: Buffer.alloc(32).toString('base64') });
    runner.prepare(300);
    runner.prepare(300);
    await waitingJob(queue, 'warm');
    expect(await queue.getJobCounts()).toMatchObject({ waiting: 2 });
    const warmed = Promise.withResolvers<number>();
    const worker = startAggregationWorker({
      link: await linkTo(server),
      ...{ federation, queueKey: () => queueKey(keyStore), trouble: () => {} },
      runner: { ...noFallback, prepare: warmed.resolve },
    });
    onTestFinished(() => worker.close(true));
    await queue.resume();
    expect(await warmed.promise).toBe(300);
  });

  it('waits for a worker for ever where the coordinator is told never to fall back', async () => {
    const server = await RedisServer.start();
    const { engine, finish } = await halfARound(server, { workers: 0, fallbackAfterMs: Number.POSITIVE_INFINITY });
    const ended = finish();
    await waitingJob(attacker(server), `aggregate.${track}.r-1`);
    expect(
      engine
        .state()
        .tracks.get(track)
        ?.rounds.get('r-1' as RoundId)?.phase.kind,
    ).toBe('aggregating');
    unwrap(await engine.cancelRound(operator, { track, round: 'r-1' as RoundId, reason: 'test' }));
    expect((await ended).phase.kind).toBe('abandoned');
  });
});

it('a worker says of a job with what only a newer coordinator knows that it takes none such', async () => {
  const server = await RedisServer.start();
  const keyStore = new MemoryKeyStore();
  const key = await ensureQueueKey(keyStore);
  const said = Promise.withResolvers<readonly string[]>();
  const worker = startAggregationWorker({
    link: await linkTo(server),
    ...{ federation, runner: noFallback, queueKey: () => queueKey(keyStore) },
    trouble: (...words) => said.resolve(words),
  });
  onTestFinished(() => worker.close(true));
  const newer = { id: 'aggregate.syscall.r-1', insurance: {} };
  await attacker(server).add('aggregate', authenticate(key, { kind: 'job' }, newer), { removeOnFail: true });
  expect(await said.promise).toEqual(['JOB_INVALID', expect.stringContaining('may be of different versions')]);
});

describe('whoever can write to Redis', () => {
  type Data = { body: string; mac: string };
  const edit = (change: (job: Record<string, unknown>) => void) => (data: Data) => {
    const job = JSON.parse(data.body) as Record<string, unknown>;
    change(job);
    return { ...data, body: JSON.stringify(job) };
  };
  const updatesOf = (job: Record<string, unknown>) => job.updates as Record<string, unknown>[];

  it.each<[string, (data: Data) => unknown]>([
    ['a scale', edit((job) => void updatesOf(job).map((update) => Object.assign(update, { scale: -1_000 })))],
    ['a cluster', edit((job) => Object.assign(updatesOf(job)[0] ?? {}, { cluster: 'cluster-x' }))],
    ['a path for a digest', edit((job) => Object.assign(updatesOf(job)[0] ?? {}, { payloadDigest: '../../keys/x' }))],
    ['f', edit((job) => Object.assign(job.policy as object, { f: 0 }))],
    ['the whole job, bare', (data) => JSON.parse(data.body)],
    ['the MAC', (data) => ({ ...data, mac: Buffer.alloc(32).toString('base64') })],
    ['everything, to nothing', () => null],
  ])('cannot change %s: the job runs as the coordinator asked, and it says so', async (_name, change) => {
    const server = await RedisServer.start();
    const queue = attacker(server);
    await queue.pause();
    const troubles: string[] = [];
    const fallback = countedFallback();
    // Only what was changed may bring the job here: no worker is late.
    const { engine, finish } = await halfARound(server, { fallback: fallback.make, troubles, fallbackAfterMs: 60_000 });
    const ended = finish();
    const job = await waitingJob(queue, `aggregate.${track}.r-1`);
    await job.updateData(change(job.data as Data));
    await queue.resume();
    expect((await ended).phase.kind).toBe('candidate');
    expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(honestCandidate);
    expect(troubles).toContain('JOB_FORGED');
  });

  it('cannot say for a worker that the rule refused, nor bring it a result of another job', async () => {
    const server = await RedisServer.start();
    const queue = attacker(server);
    const troubles: string[] = [];
    const fallback = countedFallback();
    const options = { workers: 0, fallback: fallback.make, troubles, fallbackAfterMs: 60_000 };
    const { engine, finish } = await halfARound(server, options);
    const outcome = { ok: false, fault: { code: 'AGGREGATION_REFUSED', message: 'no' } };
    const forged = { body: JSON.stringify(outcome), mac: Buffer.alloc(32).toString('base64') };
    const forger = new Worker(queue.name, async () => forged, {
      connection: { url: server.url, maxRetriesPerRequest: null },
    });
    onTestFinished(() => forger.close(true));
    expect((await finish()).phase.kind).toBe('candidate');
    expect(engine.state().tracks.get(track)?.models[1]?.digest).toBe(honestCandidate);
    expect(troubles).toContain('JOB_FORGED');
  });
});

describe('a link to Redis', () => {
  it('refuses one that may evict keys', async () => {
    const server = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
    const opened = await RedisLink.open({ place: server, timers: systemTimers, trouble: () => {} });
    expect(opened).toMatchObject({ ok: false, fault: { code: 'REDIS_EVICTS', fields: { policy: 'allkeys-lru' } } });
  });

  it('notices that Redis is gone, and that another process took its place', async () => {
    const server = await RedisServer.start();
    const troubles: string[] = [];
    const link = await linkTo(server, troubles);
    expect(link.isUp).toBe(true);
    await server.kill();
    while (link.isUp) await link.probe().then(shortly);
    const returned = new Promise<void>((resolve) => {
      link.onReturn(resolve);
    });
    await server.start();
    await returned;
    expect(troubles).toEqual(['REDIS_LOST', 'REDIS_BACK']);
  });

  it('opens although Redis is not there yet', async () => {
    const server = await RedisServer.start();
    await server.kill();
    const link = await linkTo(server);
    expect(link.isUp).toBe(false);
    const returned = new Promise<void>((resolve) => {
      link.onReturn(resolve);
    });
    await server.start();
    await returned;
  });
});
