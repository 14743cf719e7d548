import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

it('says all that was printed before a command ends with a fault, however slowly it is read', async () => {
  const lines = `
    import { exitWith } from '${new URL('exit.ts', import.meta.url).href}';
    import { print } from '${new URL('print.ts', import.meta.url).href}';
    import { endWithReaders } from '${new URL('standard-streams.ts', import.meta.url).href}';
    endWithReaders();
    print('x'.repeat(8_000_000));
    exitWith({ code: 'GRPC_UNAVAILABLE', message: 'it went away' });
  `;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', lines]);
  const ended = once(child, 'close');
  const said = { stdout: 0, stderr: '' };
  child.stderr.on('data', (piece) => {
    said.stderr += String(piece);
  });
  for await (const piece of child.stdout) said.stdout += (piece as Buffer).length;
  expect([await ended, said]).toEqual([[3, null], { stdout: 8_000_001, stderr: 'GRPC_UNAVAILABLE: it went away\n' }]);
});
