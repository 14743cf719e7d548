import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epsilonAt, gaussianCost, orders } from './accountant.ts';
import { PrivacyLedger } from './privacy-ledger.ts';

const limits = { epsilonMax: null, delta: 1e-5, noiseMultiplierMin: 0 };
/** TensorFlow Privacy's MNIST tutorial, one round for each of its 60 epochs: accountant.test.ts has its published figure. */
const epoch = { noiseMultiplier: 1.1, sampling: 256 / 60_000, steps: Math.ceil(60_000 / 256) };

let path: string;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-ledger-'));
  path = join(folder, 'privacy.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('PrivacyLedger with private steps', () => {
  it('books them for one example, and no protection for the cluster', async () => {
    const ledger = await PrivacyLedger.open(path, limits);
    expect([ledger.epsilon, ledger.exampleEpsilon]).toEqual([0, 0]);
    for (let round = 0; round < 60; round += 1) await ledger.spend(0, epoch);
    const cost = gaussianCost(1.1, 256 / 60_000, 60 * epoch.steps);
    expect(ledger.exampleEpsilon).toBeCloseTo(epsilonAt(cost, 1e-5).epsilon, 6);
    expect(ledger.exampleEpsilon).toBeGreaterThan(2);
    // 3.01 by the looser conversion of the tutorial's day.
    expect(ledger.exampleEpsilon).toBeLessThan(3.01);
    expect(ledger.epsilon).toBe(Number.POSITIVE_INFINITY);
    const again = await PrivacyLedger.open(path, limits);
    expect(again.exampleEpsilon).toBe(ledger.exampleEpsilon);
  });

  it('counts the lesser of both where a round has both, and a round with neither as unbounded', async () => {
    const ledger = await PrivacyLedger.open(path, limits);
    await ledger.spend(3);
    expect(ledger.exampleEpsilon).toBe(ledger.epsilon);
    await ledger.spend(3, epoch);
    expect(ledger.exampleEpsilon).toBeLessThan(ledger.epsilon);
    expect(Number.isFinite(ledger.epsilon)).toBe(true);
    await ledger.spend(0);
    expect([ledger.epsilon, ledger.exampleEpsilon]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('refuses the round that would pass the limit, for the unit that it is about', async () => {
    const ledger = await PrivacyLedger.open(path, { ...limits, epsilonMax: 2 });
    expect(ledger.check(0)).toMatchObject({ fault: { code: 'PRIVACY_BUDGET_SPENT' } });
    expect(ledger.check(0, epoch).ok).toBe(true);
    const loud = { ...epoch, noiseMultiplier: 0.3 };
    expect(ledger.check(0, loud)).toMatchObject({ fault: { code: 'PRIVACY_BUDGET_SPENT' } });
    for (let round = 0; round < 60 && ledger.check(0, epoch).ok; round += 1) await ledger.spend(0, epoch);
    expect(ledger.check(0, epoch)).toMatchObject({ fault: { code: 'PRIVACY_BUDGET_SPENT' } });
    expect(ledger.exampleEpsilon).toBeLessThanOrEqual(2);
  });

  it('reads what a version without private steps wrote: what it spent protected examples as well', async () => {
    const cost = gaussianCost(2, 1, 3);
    await writeFile(path, JSON.stringify({ version: 1, orders, cost, rounds: 3, bareRounds: 0 }));
    const ledger = await PrivacyLedger.open(path, limits);
    expect(ledger.exampleEpsilon).toBe(ledger.epsilon);
    await ledger.spend(2);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ rounds: 4, examples: { bareRounds: 0 } });
  });
});

it.each([
  ['{"version":1', /is damaged: it is no JSON\. Restore it from a backup/],
  ['{"version":1,"orders":[],"cost":[-1],"rounds":0,"bareRounds":0}', /is damaged at cost\.0\. Restore it/],
  [
    '{"version":1,"orders":[],"cost":[],"rounds":0,"bareRounds":0,"groups":{}}',
    /a newer build wrote .*, with groups: start/,
  ],
])('what cannot be counted on from is not begun anew: %s', async (text, message) => {
  await writeFile(path, text);
  await expect(PrivacyLedger.open(path, limits)).rejects.toThrow(message);
  expect(await readFile(path, 'utf8')).toBe(text);
});
