import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runTestudo } from '../testing/command-line.ts';

async function statusUnder(listen: string) {
  const path = join(tempDir(), 'client.yaml');
  const settings = [
    'dataDirectory: ./data',
    'coordinator: { addresses: ["127.0.0.1:1"] }',
    'dataKey: { environment: KEY }',
  ];
  await writeFile(path, [...settings, `health: { listen: "${listen}" }`].join('\n'));
  return runTestudo('agent', 'status', '--config', path);
}

it('agent status says where to look for a port that the kernel chose, as `testudo up` lets it', async () => {
  const asked = await statusUnder('127.0.0.1:0');
  expect(asked).toMatchObject({
    code: 2,
    out: '',
    error: expect.stringMatching(/--address, .*log says \(healthPort\)/),
  });
}, 600_000);

it('agent status says that nobody answers, and what may help', async () => {
  const asked = await statusUnder('127.0.0.1:1');
  expect(asked).toMatchObject({
    code: 3,
    out: '',
    error: expect.stringMatching(/^UNREACHABLE: .*:1\/score; is it running\?/),
  });
}, 600_000);
