import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { CommandLine } from '../testing/command-line.ts';

const hourMs = 3_600_000;

it('a renewal whose answer was lost, or that was killed before it was kept, is asked for again; an hour later the old file is void', async () => {
  const timers = new ShiftedTimers(0);
  const line = await CommandLine.start({ timers });
  const file = line.credentials('admin');
  const [before, first] = ['before.json', 'first.json'].map((name) => join(line.folder, name)) as [string, string];
  copyFileSync(file, before);
  expect((await line.run('operators', 'renew')).code).toBe(0);
  copyFileSync(file, first);

  copyFileSync(before, file); // As it is where the new one never reached the disk.
  expect((await line.run('clusters', 'list')).code).toBe(0);
  expect(await line.run('operators', 'renew')).toMatchObject({ code: 0, error: '' });
  expect((await line.run('clusters', 'list')).code).toBe(0);
  const latest = join(line.folder, 'latest.json');
  copyFileSync(file, latest);

  copyFileSync(first, file); // The one that was lost has had its successor.
  expect(await line.run('clusters', 'list')).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^CERTIFICATE_SUPERSEDED/),
  });
  copyFileSync(before, file);
  timers.byMs = 2 * hourMs;
  const late = await line.run('clusters', 'list');
  expect(late).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^CERTIFICATE_SUPERSEDED: operator admin has a newer/),
  });
  expect(late.error).toContain('testudo operators add admin --role admin');
  copyFileSync(latest, file);
  expect((await line.run('clusters', 'list')).code).toBe(0);
}, 600_000);
