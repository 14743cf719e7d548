import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runTestudo as testudo } from '../testing/command-line.ts';

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
  const begun = await testudo(
    'model',
    'init',
    start as string,
    '--track',
    'feature-rows',
    '--scale-from',
    learn as string,
  );
  expect(begun).toMatchObject({ code: 0 });
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
  expect(trained.out).toContain('100 of 120 rows learnt in 60 steps');
  const measured = await testudo('evaluate', '--model', model as string, '--input', learn as string, '--json');
  const { overall } = JSON.parse(measured.out) as { overall: { auc: number } };
  expect(overall.auc).toBeGreaterThan(0.9);
  expect(await testudo('evaluate', '--model', model as string, '--input', tame as string)).toMatchObject({
    code: 1,
    error: expect.stringContaining('30 normal and 0 hostile rows'),
  });
  // Rows of which the model knows nothing would all have one score.
  const other = join(folder, 'other.csv');
  await writeFile(other, 'colour,size\nred,1\nblue,2\n');
  const scored = await testudo('score', '--model', model as string, '--input', other, '--output', '-');
  expect(scored).toMatchObject({
    ...{ code: 1, out: '' },
    error: expect.stringMatching(/^INPUT_UNREADABLE: .*none of the model's columns \(.*duration/),
  });
});
