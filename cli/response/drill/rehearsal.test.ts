import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { runBadModel } from './bad-model.ts';
import { runLoseCoordinator } from './lose-coordinator.ts';
import { runPoison } from './poison.ts';
import { rehearse } from './rehearsal.ts';
import type { Check } from './report.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));
const verdicts = (checks: readonly Check[]) => checks.map(({ verdict, what, happened }) => [verdict, what, happened]);

/** A folder in which everything temporary lies until the test ends. */
async function scratchFolder() {
  const scratch = await mkdtemp(join(tmpdir(), 'testudo-rehearsal-'));
  vi.stubEnv('TMPDIR', scratch);
  onTestFinished(async () => {
    vi.unstubAllEnvs();
    await rm(scratch, { recursive: true, force: true });
  });
  return scratch;
}

it('drills a poisoned update and a lost coordinator on real processes, and leaves no file behind', async () => {
  const scratch = await scratchFolder();
  const { signal } = new AbortController();
  await rehearse(testudo, signal, async (rehearsal) => {
    const { liar } = rehearsal;
    expect(verdicts(await runPoison(rehearsal))).toEqual([
      ['as expected', 'the round', 'version 1'],
      ['as expected', `the update of ${liar}`, expect.stringMatching(/^SCORE_TOO_HIGH: .*; 4 others went in$/)],
      ['as expected', 'what the model is worth', expect.stringMatching(/^AUC 0\.9/)],
    ]);
    expect(verdicts(await runLoseCoordinator(rehearsal))).toEqual([
      ['as expected', expect.stringContaining('coordinator is gone'), expect.stringMatching(/^[1-9]\d* alerts in c01/)],
      ['as expected', 'clusters that are connected again', expect.stringMatching(/^5 of 5 after/)],
      ['as expected', 'the next round', 'version 2'],
    ]);
  });
  expect(await readdir(scratch)).toEqual([]);
});

it('drills a bad model from the beginning, as it is called by itself, and makes one that is bad enough to say something about the gate', async () => {
  const scratch = await scratchFolder();
  await rehearse(testudo, new AbortController().signal, async (rehearsal) => {
    expect(verdicts(await runBadModel(rehearsal))).toEqual([
      ['as expected', expect.stringContaining('the gate'), expect.stringMatching(/^kept out \(AUC 0\.\d+ after 0\.9/)],
      ['as expected', 'clusters that run that version', 'none; all stay on 1'],
      [
        'as expected',
        expect.stringContaining('changed bytes'),
        expect.stringMatching(/^5 of 5 refused them \([A-Z_]+\)$/),
      ],
    ]);
  });
  expect(await readdir(scratch)).toEqual([]);
});
