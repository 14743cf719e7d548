import { randomBytes } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { pino } from 'pino';
import { describe, expect, it, vi } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import type { RateFact } from '../events/rate-fact.ts';
import { recordKey, sealRecord } from '../storage/sealed-record.ts';
import { KeptRates } from './kept-rates.ts';
import { defaultRates, valuesOfWorkloadMax, WorkloadRates } from './workload-rates.ts';

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
  const keep = async (record: object) => {
    const plain = await promisify(deflate)(JSON.stringify(record));
    await writeFile(path, sealRecord(recordKey(dataKey, 'rates'), plain, 'rates'));
  };
  return { path, warnings, run, keep };
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

  it('leaves out a workload that does not fit, and none behind it; says so once', async () => {
    const { run, warnings } = machine();
    const first = await run(startMs + 80 * minute);
    usualDay(first.rates);
    const many = Array.from({ length: 20 }, (_, port) => ({ ...login, workload: 'shop/many', shape: `port ${port}` }));
    for (let at = 0; at < 80; at++) first.rates.hear(many, startMs + at * minute);
    await first.kept.save();
    await first.kept.close();
    expect(warnings).toEqual(['usual rates of some workloads are not kept: a restart learns them anew']);
    const laterMs = startMs + 90 * minute;
    const { rates } = await run(laterMs);
    expect(burst(rates, laterMs, 200)?.p).toBeLessThan(1e-5);
  });

  it('keeps the busiest workload that there may be whole', () => {
    const rates = new WorkloadRates(defaultRates);
    const days = 2;
    const facts = Array.from({ length: 140 }, (_, port) => ({ ...login, shape: `port ${port}` }));
    for (let at = 0; at < days * 24 * 2; at++) {
      const news = Array.from({ length: 30 }, (_, one) => ({ ...peer, key: `shop/${at} ${one}` }));
      rates.hear([...news, ...facts], startMs + at * 30 * minute);
    }
    const [kept] = rates.record(startMs + days * 24 * 60 * minute, valuesOfWorkloadMax).workloads;
    expect(kept?.series.length).toBe(129);
    const [hours, keys] = [kept?.series[0]?.hours.length, kept?.series[0]?.keys.length];
    expect([hours, keys]).toEqual([24, 1_024]);
  });

  it('learns anew, and says so, where the file does not open: cut short, altered, of another key', async () => {
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

  it('learns anew, and says so, where what was kept is of another format or interval', async () => {
    const { run, warnings, keep } = machine();
    const rates = new WorkloadRates(defaultRates);
    usualDay(rates);
    const record = rates.record(startMs + 20 * minute, 1_000);
    const knows = async (more: object) => {
      await keep({ format: 1, ...record, ...more });
      const again = await run(startMs + 21 * minute);
      return burst(again.rates, startMs + 21 * minute, 200) !== undefined;
    };
    expect(await knows({})).toBe(true);
    expect(warnings).toEqual([]);
    expect(await knows({ format: 2 })).toBe(false);
    expect(await knows({ intervalMs: 30_000 })).toBe(false);
    const said = 'usual rates are learnt anew: the kept ones are of another format or interval';
    expect(warnings).toEqual([said, said]);
  });

  it('says where it cannot write, and goes on', async () => {
    const { run, path, warnings } = machine();
    const { kept } = await run(startMs);
    await mkdir(path); // Nothing takes a folder's name.
    await kept.close();
    expect(warnings).toEqual(['usual rates could not be kept: a restart would learn them anew']);
  });
});
