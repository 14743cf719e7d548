import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'testudo-mutants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('leaves no process behind that spins, when it is killed', async () => {
  const server = createServer();
  const socket = join(folder, 'began');
  server.listen(socket);
  await once(server, 'listening');
  const runs = spawn(process.execPath, [join(import.meta.dirname, 'fixture/run-endless.ts'), folder], {
    ...{ stdio: 'ignore', env: { ...process.env, TESTUDO_ENDLESS: socket } },
  });
  const [line] = (await once(server, 'connection')) as [Socket];
  await once(line, 'data');
  runs.kill('SIGKILL');
  // The kernel closes the spinning process's end once that has ended, and nothing else does.
  await once(line.resume(), 'close');
  server.close();
  expect(runs.signalCode ?? (await once(runs, 'exit'))[1]).toBe('SIGKILL');
}, 600_000);
