import { expect, it } from 'vitest';
import { refuse } from '../base/fault.ts';
import { SimulatedTimers } from '../base/simulation/simulated-timers.ts';
import { HeardLog } from '../base/testing/heard-log.ts';
import type { AggregationJob, AggregationRunner, TileJob } from './candidate/job.ts';
import { toldRunner } from './told-runner.ts';

const lost = refuse('ROUND_KEY_LOST', 'the key is not in the key store');
const isLost = (round: string) => Number(round.slice('r-'.length)) < 10;

/** Of rounds before the tenth the keys are gone; what follows fails otherwise. */
const inner: AggregationRunner = {
  run: async ({ round }) => (isLost(round) ? lost : refuse('AGGREGATION_REFUSED', 'too few rows')),
  runTile: async ({ job: { round } }) => (isLost(round) ? lost : refuse('WORKER_LOST', 'the thread ended')),
  close: async () => undefined,
};

const jobOf = (round: number) =>
  ({ id: `aggregate-${round}`, track: 'syscall', round: `r-${round}` }) as unknown as AggregationJob;
const tileOf = (round: number) => ({ job: jobOf(round) }) as unknown as TileJob;
const leftAlone =
  'jobs whose rounds have no key were left: they have ended, or this worker reads other keys than its coordinator';

it('a worker that comes late tells of all stale jobs in one line, and of every other failure as it happens', async () => {
  const [heard, timers] = [new HeardLog(), new SimulatedTimers()];
  const runner = toldRunner(inner, heard.log(), timers);
  for (let round = 1; round <= 7; round++) {
    await runner.run(jobOf(round));
    await runner.runTile?.(tileOf(round));
    await timers.advance(1_000);
  }
  await runner.run(jobOf(11));
  await runner.runTile?.(tileOf(12));
  expect(heard.saying(leftAlone)).toEqual([]);
  expect(heard.saying('aggregation failed')).toEqual([
    expect.objectContaining({ round: 'r-11', code: 'AGGREGATION_REFUSED' }),
  ]);
  expect(heard.saying('tile failed')).toEqual([expect.objectContaining({ round: 'r-12', code: 'WORKER_LOST' })]);
  await timers.advance(2_000);
  const told = { code: 'ROUND_KEY_LOST', cause: expect.stringContaining('key store'), track: 'syscall', round: 'r-7' };
  expect(heard.saying(leftAlone)).toEqual([expect.objectContaining({ jobCount: 14, roundCount: 7, ...told })]);
  await timers.advance(60_000);
  expect(heard.saying(leftAlone)).toHaveLength(1);
});

it('a worker that ends tells of what it left just before', async () => {
  const heard = new HeardLog();
  const runner = toldRunner(inner, heard.log(), new SimulatedTimers());
  await runner.run(jobOf(3));
  await runner.close();
  expect(heard.saying(leftAlone)).toEqual([expect.objectContaining({ jobCount: 1, roundCount: 1, round: 'r-3' })]);
});
