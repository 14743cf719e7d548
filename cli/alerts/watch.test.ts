import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { anAlert } from '../../client/alerts/testing/alerts.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { AlertWatch } from './watch.ts';

const alerts = Array.from({ length: 9 }, (_, at) => anAlert(String(at)));
const [before, first, second, ...others] = alerts.map((alert) => `${JSON.stringify(alert)}\n`) as [
  string,
  string,
  string,
  ...string[],
];

it('tells each alert that is added once, in order, over rotations to longer and to emptied files', async () => {
  const path = join(tempDir(), 'alerts.jsonl');
  writeFileSync(path, before);
  const told: string[] = [];
  const ending = new AbortController();
  let until = Promise.withResolvers<void>();
  const watch = await AlertWatch.open(path);
  const watching = watch.run(({ id }) => {
    told.push(id);
    until.resolve();
  }, ending.signal);
  onTestFinished(async () => {
    ending.abort();
    await watching;
  });
  const tells = async (count: number) => {
    while (told.length < count) {
      until = Promise.withResolvers();
      await until.promise;
    }
    expect(told).toEqual(alerts.slice(1, count + 1).map(({ id }) => id));
  };
  appendFileSync(path, first.slice(0, 20));
  appendFileSync(path, first.slice(20));
  await tells(1);
  // In one turn: the old one has a line more than was read, and the new one is longer.
  appendFileSync(path, second);
  renameSync(path, `${path}.1`);
  writeFileSync(path, others.slice(0, 5).join(''));
  await tells(7);
  // Away, and back later.
  renameSync(path, `${path}.2`);
  await new Promise((resolve) => setImmediate(resolve));
  writeFileSync(path, others.slice(5).join(''));
  await tells(8);
});
