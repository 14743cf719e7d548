import { randomBytes } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import type { RateFact } from '../events/rate-fact.ts';
import { KeptRates } from './kept-rates.ts';
import { defaultRates, WorkloadRates } from './workload-rates.ts';

const minute = 60_000;
const startMs = 1_000_000 * minute;

const login: RateFact = {
  ...{ workload: 'shop/sshd', measure: 'sessions alike', shape: 'port 22', peer: 'world /', amount: 1 },
};
const peer: RateFact = { ...login, measure: 'new peers', shape: '', peer: '', key: 'shop/db' };

/** One run of a client after another, with one data key. */
function machine() {
  const [dataKey, path] = [randomBytes(32), join(tempDir(), 'rates.sealed')];
  const warnings: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });
  const run = async (atMs: number, key: Uint8Array = dataKey) => {
    const rates = new WorkloadRates(defaultRates);
    const timers = new SimulatedTimers(atMs);
    return { rates, kept: await KeptRates.open({ path, dataKey: key, rates, valuesMax: 1_000, log, timers }), timers };
  };
  return { path, warnings, run };
}

/** Four logins a minute for twenty minutes, and one peer that is always the same. */
function usualDay(rates: WorkloadRates): void {
  for (let at = 0; at < 80; at++) rates.hear([login, peer], startMs + at * (minute / 4));
}

const burst = (rates: WorkloadRates, atMs: number, count: number) => {
  for (let one = 0; one < count; one++) rates.hear([login], atMs + one);
  return rates.unusual([login], [], atMs + count);
};

describe('KeptRates', () => {
  it('knows after a restart what was usual before, and takes the time between for no silence', async () => {
    const { run, warnings } = machine();
    const first = await run(startMs + 20 * minute);
    usualDay(first.rates);
    await first.kept.close();
    const laterMs = startMs + 600 * minute + minute / 2;
    const { rates } = await run(laterMs);
    expect(burst(rates, laterMs, 4)?.p).toBeGreaterThan(0.1);
    const [unusual] = burst(rates, laterMs + 1_000, 200)?.unusual ?? [];
    expect(unusual).toMatchObject({ count: 204, median: 4, intervals: 20 });
    expect(unusual?.p).toBeLessThan(1e-5);
    expect(rates.unusual([peer], [], laterMs)).toBeUndefined(); // A peer from before is no news.
    // The minute in which it came back was not seen whole: it is not remembered.
    expect(burst(rates, laterMs + minute, 4)?.unusual[0]?.intervals).toBe(20);
    expect(burst(rates, laterMs + 2 * minute, 4)?.unusual[0]?.intervals).toBe(21);
    expect(warnings).toEqual([]);
  });

  it('counts what comes later than it happened, though it was saved meanwhile', async () => {
    const { run } = machine();
    // A source that tells everything five minutes late, saved every ten.
    const { rates, kept, timers } = await run(startMs + 5 * minute);
    const other = new WorkloadRates(defaultRates);
    for (let at = 0; at < 80; at++) {
      for (const one of [rates, other]) one.hear([login, peer], startMs + at * (minute / 4));
      await timers.advance(minute / 4);
      if (at === 39) await kept.save();
    }
    const [told, asUnsaved] = [rates, other].map((one) => burst(one, startMs + 20 * minute, 40));
    expect(told?.unusual[0]).toMatchObject({ median: 4, high: 4, intervals: 20 });
    expect(told).toEqual(asUnsaved);
    await kept.close();
  });

  it('saves every ten minutes: who is killed loses no more', async () => {
    const { run, path } = machine();
    const first = await run(startMs + 20 * minute);
    usualDay(first.rates);
    await first.timers.advance(600_000);
    const file = await vi.waitFor(() => readFile(path), 600_000);
    expect(file.includes('sshd')).toBe(false); // Sealed.
    const { rates } = await run(startMs + 40 * minute);
    expect(burst(rates, startMs + 40 * minute, 200)?.p).toBeLessThan(1e-5);
  });

  it('keeps no more than it may, who was heard last first', async () => {
    const { run } = machine();
    const first = await run(startMs + 20 * minute);
    usualDay(first.rates);
    for (let at = 0; at < 60; at++) {
      const facts = Array.from({ length: 20 }, (_, port) => ({
        ...login,
        workload: 'shop/many',
        shape: `port ${port}`,
      }));
      first.rates.hear(facts, startMs + at * minute);
    }
    for (let at = 0; at < 20; at++) first.rates.hear([login], startMs + (60 + at) * minute);
    expect(first.rates.record(startMs + 80 * minute, 1_000).workloads.map(({ name }) => name)).toEqual(['shop/sshd']);
  });

  it('learns anew, and says so, where the file does not open: cut short, altered, of another key, of another kind', async () => {
    const { run, path, warnings } = machine();
    const first = await run(startMs + 20 * minute);
    usualDay(first.rates);
    await first.kept.close();
    const whole = await readFile(path);
    const knows = async (key?: Uint8Array) => {
      const { rates } = await run(startMs + 21 * minute, key);
      return burst(rates, startMs + 21 * minute, 200) !== undefined;
    };
    expect(await knows()).toBe(true);
    expect(await knows(randomBytes(32))).toBe(false);
    await truncate(path, 20);
    expect(await knows()).toBe(false);
    whole[40] = (whole[40] as number) ^ 1;
    await writeFile(path, whole);
    expect(await knows()).toBe(false);
    expect(warnings).toEqual(new Array(3).fill('usual rates are learnt anew: the kept ones do not open'));
  });

  it('says where it cannot write, and goes on', async () => {
    const { run, path, warnings } = machine();
    const { kept } = await run(startMs);
    await mkdir(path); // Nothing takes a folder's name.
    await kept.close();
    expect(warnings).toEqual(['usual rates could not be kept: a restart would learn them anew']);
  });
});
