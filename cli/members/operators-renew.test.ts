import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { HeldLine } from '../../coordinator/testing/held-line.ts';
import { CommandLine } from '../testing/command-line.ts';

const hourMs = 3_600_000;

it('a renewal whose answer is lost ends as what may have been done, and one that cannot be kept as half done; the file counts on', async () => {
  const line = await CommandLine.start();
  const { coordinator } = line.federation;
  const serial = () => coordinator.engine.state().operators.get('admin')?.certificateSerial;
  const before = serial();
  const way = await HeldLine.open(() => Number(coordinator.addresses.federation.split(':').at(-1)));
  onTestFinished(() => way.close());
  // An answer is written after its entry is in the journal, so that this drops it and nothing before it.
  Object.defineProperty(way, 'mode', {
    get: () => ({ toServer: 'pass', toClient: serial() === before ? 'pass' : 'drop' }),
  });
  const file = line.credentials('admin');
  const renewed = line.offline('operators', 'renew', '--credentials', file, '--address', `127.0.0.1:${way.port}`);
  await line.federation.until(() => serial() !== before);
  way.cutClients();
  expect(await renewed).toMatchObject({
    code: 5,
    error: expect.stringMatching(/^OUTCOME_UNKNOWN: no answer came \(.+\): .* counts for an hour .* ask again soon/),
  });
  // What is written beside it until it is whole has a longer name than a file may have.
  const long = join(line.folder, 'o'.repeat(250));
  copyFileSync(file, long);
  const own = ['--credentials', long, '--address', coordinator.addresses.federation];
  expect(await line.offline('operators', 'renew', ...own)).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(/^HALF_DONE: a new certificate of admin is made; .*ENAMETOOLONG.*within it/),
  });
  expect(await line.run('operators', 'renew')).toMatchObject({ code: 0, error: '' });
}, 600_000);

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
