import { expect, it } from 'vitest';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { CommandLine } from '../testing/command-line.ts';

const dayMs = 86_400_000;

it('an operator whose certificate has ended is told so, and what helps; nobody else is told that', async () => {
  const timers = new ShiftedTimers(-40 * dayMs);
  const line = await CommandLine.start({ timers, settings: ['certificates.serverDays=366'] });
  await line.hire('ada', 'viewer');
  timers.byMs = 0;
  for (const words of [
    ['clusters', 'list'],
    ['audit', 'follow'],
    ['operators', 'renew'],
  ]) {
    const { code, error } = await line.runAs('ada', ...words);
    expect(code).toBe(1);
    expect(error).toMatch(/^CREDENTIALS_EXPIRED: the certificate of operator ada in \S+ ended \d{4}-/);
    expect(error).toContain('testudo operators add ada --role viewer');
  }
  expect((await line.run('clusters', 'list')).code).toBe(0);
  await line.federation.coordinator.close();
  const away = await line.run('clusters', 'list');
  expect(away.error).not.toContain('Resolution note');
  expect(away).toMatchObject({ code: 3, error: expect.stringContaining('GRPC_UNAVAILABLE') });
});

it('an operator whose certificate ends within a week is told so beside the answer, and how to renew it', async () => {
  const line = await CommandLine.start({ settings: ['certificates.operatorDays=6'] });
  const { code, out, error } = await line.run('clusters', 'list');
  expect(code).toBe(0);
  expect(out).toMatch(/^CLUSTER/);
  expect(error).toMatch(
    /^warning: the certificate of operator admin ends \d{4}-\S+: `testudo operators renew --credentials /,
  );
});
