import { expect, it } from 'vitest';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { CommandLine } from '../testing/command-line.ts';

it('says what helps where a name is not known, or nobody listens', async () => {
  const line = await CommandLine.start();
  const ask = (address: string) =>
    line.offline('clusters', 'list', '--credentials', line.credentials('admin'), '--address', address);
  // No name has a label so long, so that no name server is asked, which may be slow to say so.
  const name = `${'n'.repeat(64)}.example:7442`;
  const unknown = await ask(name);
  expect(unknown).toMatchObject({ code: 3, error: expect.stringContaining(name) });
  expect(unknown.error).toMatch(/^GRPC_UNAVAILABLE: .*spelt right\? .*--address/);
  const [port] = await lastingPorts(1, '127.0.0.1');
  const refused = await ask(`127.0.0.1:${port}`);
  expect(refused).toMatchObject({ code: 3, error: expect.stringContaining(`127.0.0.1:${port}`) });
  expect(refused.error).toMatch(/^GRPC_UNAVAILABLE: .*nobody listens there: .*--address/);
}, 600_000);

it.each([
  ['ahead', 2, 'is not yet valid'],
  ['behind', -9, 'has expired'],
])(
  'says that it is by our clock where the coordinator is days %s, so that its certificate counts for nothing',
  async (_, byDays, why) => {
    const line = await CommandLine.start({ timers: new ShiftedTimers(byDays * 86_400_000) });
    const { code, error } = await line.run('clusters', 'list');
    expect(code).toBe(3);
    expect(error).toMatch(
      new RegExp(`^GRPC_UNAVAILABLE: .*certificate ${why}: .*by this machine's clock: is that right`),
    );
  },
);
