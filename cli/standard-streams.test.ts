import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const testudo = fileURLToPath(new URL('testudo.ts', import.meta.url));
const command = `"${process.execPath}" --disable-warning=ExperimentalWarning "${testudo}" response policy example`;

/** How a line of a shell with `testudo` in it ended, and what was said on standard error. */
function shell(line: string) {
  const { status, stderr } = spawnSync('bash', ['-c', `set -o pipefail; ${line}`], { encoding: 'utf8' });
  return { status, stderr };
}

it('a reader that goes away ends a verb as SIGPIPE does, without a stack trace', () => {
  expect(shell(`${command} | true`)).toEqual({ status: 141, stderr: '' });
});

it('a full disk behind standard output is a refusal with a remedy', () => {
  const { status, stderr } = shell(`${command} > /dev/full`);
  expect(stderr).toMatch(/^OUTPUT_UNWRITABLE: standard output: .*; make room, or send it elsewhere\n$/);
  expect(status).toBe(1);
});
