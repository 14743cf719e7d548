import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../testudo.ts', import.meta.url));
const testudo = (...words: string[]) =>
  run(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...words]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-rows-verbs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('begins, trains and evaluates a track of feature rows, and ends with 1 where one class only is there', async () => {
  const rows = Array.from({ length: 120 }, (_, at) =>
    at < 100 ? `${at % 10},${(at % 10) * 3},normal` : `${at % 10},${90 - (at % 7)},neptune`,
  );
  const [learn, tame, start, model] = ['learn.csv', 'tame.csv', 'start', 'model'].map((name) => join(folder, name));
  const file = (lines: readonly string[]) => `duration,src_bytes,attack\n${lines.join('\n')}\n`;
  await writeFile(learn as string, file(rows));
  await writeFile(tame as string, file(rows.slice(0, 30)));
  await testudo('model', 'init', start as string, '--track', 'feature-rows', '--scale-from', learn as string);
  const trained = await testudo(
    'model',
    'train',
    '--model',
    start as string,
    '--input',
    learn as string,
    '--output',
    model as string,
    '--steps',
    '60',
  );
  expect(trained.stdout).toContain('100 of 120 rows learnt in 60 steps');
  const measured = await testudo('evaluate', '--model', model as string, '--input', learn as string, '--json');
  const { overall } = JSON.parse(measured.stdout) as { overall: { auc: number } };
  expect(overall.auc).toBeGreaterThan(0.9);
  await expect(testudo('evaluate', '--model', model as string, '--input', tame as string)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('30 normal and 0 hostile rows'),
  });
  // Rows of which the model knows nothing would all have one score.
  const other = join(folder, 'other.csv');
  await writeFile(other, 'colour,size\nred,1\nblue,2\n');
  const scored = testudo('score', '--model', model as string, '--input', other, '--output', '-');
  await expect(scored).rejects.toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringMatching(/^INPUT_UNREADABLE: .*none of the model's columns \(.*duration/),
  });
});
