import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { AggregationResult, AggregationRunner } from '../../coordinator/candidate/job.ts';
import type { TileGrid } from '../../coordinator/candidate/tiles/grid.ts';
import { RedisLink } from '../../coordinator/queue/redis/redis-link.ts';
import { RedisRunner } from '../../coordinator/queue/redis/redis-runner.ts';
import { RedisProcess } from '../../coordinator/testing/redis-process.ts';
import { type Member, pauseWhileRunning, startMember } from '../../lab/rig/member.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { cpuSecondsOf, peakMiB as peakMiBOf } from '../harness/process-figures.ts';
import { federation, masterKey, type SealedRound } from './sealed-round.ts';

export type ByWorkers = Readonly<{
  result: AggregationResult;
  seconds: number;
  /** Of the processor, which all workers took together from their start on, and the most memory that one of them held. */
  cpuSeconds: number;
  peakMiB: number;
  /** How many tiles each worker computed, and how many whole jobs, as they said themselves. */
  tiles: readonly number[];
  jobs: number;
}>;

/** Nobody but the workers may compute anything. */
const nobody: AggregationRunner = {
  run: async () => refuse('WORKER_LOST', 'the benchmark itself was asked to aggregate'),
  close: async () => {},
};

/** The round by so many `testudo worker` processes over a redis-server of their own. `grid`: as in a coordinator unless given. */
export async function runByWorkers(
  { dataDirectory, job, queueKey }: SealedRound,
  workers: number,
  grid?: TileGrid,
): Promise<ByWorkers> {
  const folder = path.join(dataDirectory, '..', `by-${workers}-${grid?.updatesMin ?? 'default'}`);
  await mkdir(folder);
  const redis = await RedisProcess.launch(folder);
  const members: Member[] = [];
  try {
    for (let count = 0; count < workers; count++) {
      members.push(await startWorker(folder, count, { federation, dataDirectory, redis: { url: redis.url } }));
    }
    for (const member of members) {
      while (!(await saidBy(member)).includes('worker ready')) await pauseWhileRunning(members);
    }
    const parts = { place: redis, timers: systemTimers, trouble: stop };
    const link = unwrap(await RedisLink.open(parts));
    const more = { ...(grid && { grid }), fallback: nobody, fallbackAfterMs: Number.POSITIVE_INFINITY, trouble: stop };
    const runner = new RedisRunner({ link, federation, queueKey, timers: systemTimers, ...more });
    try {
      const startedMs = performance.now();
      const ended = new AbortController();
      const result = unwrap(await Promise.race([runner.run(job, ended.signal), anyEnds(members)]));
      const seconds = (performance.now() - startedMs) / 1_000;
      const cpuSeconds = members.reduce((sum, { pid }) => sum + cpuSecondsOf(pid), 0);
      const peakMiB = Math.max(...members.map(({ pid }) => peakMiBOf(pid)));
      const said = await Promise.all(members.map(saidBy));
      const tiles = said.map((text) => text.split('tile of distances done').length - 1);
      return { result, seconds, cpuSeconds, peakMiB, tiles, jobs: said.join('').split('aggregation done').length - 1 };
    } finally {
      await runner.close(true);
      await link.close();
    }
  } finally {
    for (const member of members) member.kill();
    await Promise.all(members.map(({ exited }) => exited));
    await redis.kill();
  }
}

async function startWorker(folder: string, index: number, settings: object): Promise<Member> {
  const config = path.join(folder, `worker-${index}.json`);
  await writeFile(config, JSON.stringify({ ...settings, masterKey: { environment: 'BENCH_MASTER_KEY' } }));
  return startMember({
    name: `worker ${index}`,
    args: [path.join(checkout, 'cli', 'testudo.ts'), 'worker', '--config', config],
    env: { BENCH_MASTER_KEY: masterKey },
    logFile: path.join(folder, `worker-${index}.log`),
  });
}

const saidBy = ({ logFile }: Member) => readFile(logFile, 'utf8');

async function anyEnds(members: readonly Member[]): Promise<never> {
  await Promise.race(members.map(({ exited }) => exited));
  throw new Error('a worker ended before its round did');
}

/** Redis that answers late on a busy machine is asked again, as a coordinator does. */
const passing: readonly string[] = ['REDIS_LOST', 'REDIS_BACK'];

function stop(code: string, message: string): void {
  if (passing.includes(code)) return;
  throw new Error(`${code}: ${message}`);
}
