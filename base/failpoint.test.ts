import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ReceiptData } from '../coordinator/rounds/update-desk.ts';
import { failingSync } from '../coordinator/testing/failing-sync.ts';
import { findBroken, readTrack, runRounds } from '../coordinator/testing/kill-rounds.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { roundFailpoints as failpoints } from './failpoint.ts';
import { seededUnit } from './random.ts';

/** Every failpoint once, in another order than that of a round; `npm run campaign` kills each twenty times, in as many orders. */
const order = failpoints.toSorted((one, other) => seededUnit(1, one, 0) - seededUnit(1, other, 0));

/** Rounds that nobody disturbs: the candidates that every other run must come to. */
async function undisturbed(folder: string, rounds: number): Promise<readonly string[]> {
  const calm = await runRounds(folder, rounds);
  expect(calm).toMatchObject({ killed: false, exitCode: 0 });
  const candidates = readTrack(folder).models.map(({ digest }) => digest);
  expect(new Set(candidates).size).toBe(rounds + 1);
  expect(findBroken(folder, calm.receipts, candidates)).toEqual([]);
  return candidates;
}

describe('rounds whose coordinator is killed', () => {
  it(`go on after each of ${failpoints.length} named steps, and end as if nothing had happened`, async () => {
    const candidates = await undisturbed(tempDir(), failpoints.length + 1);
    const folder = tempDir();
    const receipts: ReceiptData[] = [];
    for (const failpoint of order) {
      // Ends the round that the last kill left open, then opens one and dies in it.
      const ended = await runRounds(folder, 1, { failpoint });
      expect(ended, failpoint).toMatchObject({ killed: true });
      receipts.push(...ended.receipts);
    }
    const last = await runRounds(folder, 1);
    expect(last).toMatchObject({ killed: false, exitCode: 0 });
    expect(findBroken(folder, [...receipts, ...last.receipts], candidates)).toEqual([]);
  });

  it('lose no receipt when their disk fails to sync, and go on when it is sound again', async () => {
    const candidates = await undisturbed(tempDir(), 5);
    const folder = tempDir();
    const receipts: ReceiptData[] = [];
    for (const failsAfter of [1, 3, 4]) {
      const { env, flag } = failingSync(tempDir());
      let count = 0;
      const receipted = (_: ReceiptData, kill: () => void) => {
        if (++count !== failsAfter) return;
        writeFileSync(flag, '');
        setTimeout(kill, 1_000); // Time to fail in; an operator who starts it again ends it, if it has not ended itself.
      };
      const failed = await runRounds(folder, 1, { env, receipted });
      expect(failed.exitCode).not.toBe(0);
      expect(failed.receipts.length).toBeLessThan(10);
      receipts.push(...failed.receipts);
    }
    const last = await runRounds(folder, 1);
    expect(last).toMatchObject({ killed: false, exitCode: 0 });
    expect(findBroken(folder, [...receipts, ...last.receipts], candidates)).toEqual([]);
  });
});
