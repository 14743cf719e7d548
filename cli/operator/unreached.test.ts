import { expect, it } from 'vitest';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
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
