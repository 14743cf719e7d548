import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { wholeNumbers } from './whole-numbers.ts';

it('wholeNumbers › reads each option under its name', () => {
  expect(wholeNumbers({ epochs: '3', seed: '0' })).toEqual({ epochs: 3, seed: 0 });
});

/** How a script of the lab ends; one that never would is killed, and has no status. */
function run(script: string, ...args: string[]) {
  const child = spawnSync(process.execPath, ['--no-warnings', join(import.meta.dirname, script), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { status: child.status, said: child.stderr };
}

it.each([
  ['model/main.ts', '--epochs', 'x'],
  ['simulator/main.ts', '--seeds', '1-x'],
])('%s %s %s ends with 2 and does nothing', (script, option, text) => {
  const { status, said } = run(script, `${option}=${text}`);
  expect(said).toContain(`${option}: expected a whole number, got `);
  expect(status).toBe(2);
});
