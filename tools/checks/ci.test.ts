import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { ended } from '../testing/scratch-checkout.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'testudo-ci-'));
  cpSync(join(checkout, '.ci'), join(root, '.ci'), { recursive: true });
  mkdirSync(join(root, 'bin'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** Runs .ci/run where `npm test` says and ends as told. */
async function runCi(npmTest: string): Promise<{ code: number | null; last: string | undefined }> {
  writeFileSync(join(root, 'bin', 'npm'), `#!/bin/sh\n[ "$*" = test ] || exit 99\n${npmTest}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${join(root, 'bin')}${delimiter}${process.env.PATH}` };
  const { code, stdout } = await ended(spawn(join(root, '.ci', 'run'), { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  return { code, last: stdout.trimEnd().split('\n').at(-1) };
}

describe('.ci/run', () => {
  it.each([
    ['repeats the closing line and passes', "echo '12 passed, 0 failed'", 0, '12 passed, 0 failed'],
    ['keeps it last when npm adds lines', "echo '3 passed, 0 failed'; echo 'npm notice'", 0, '3 passed, 0 failed'],
    ['fails when a test failed', "echo '3 passed, 1 failed'; exit 1", 1, '3 passed, 1 failed'],
    ['fails when the counts say so and the status does not', "echo '3 passed, 1 failed'", 1, '3 passed, 1 failed'],
    [
      'fails when the status says so and the counts do not',
      "echo '3 passed, 0 failed'; exit 3",
      3,
      '3 passed, 1 failed',
    ],
    [
      'fails when set-up stopped and nothing was counted',
      "echo 'set-up stopped at: Redis'; exit 1",
      1,
      '0 passed, 1 failed',
    ],
    ['fails when nothing was counted and nobody complained', 'exit 0', 1, '0 passed, 1 failed'],
  ])('%s', async (_name, npmTest, code, last) => {
    expect(await runCi(npmTest)).toEqual({ code, last });
  });
});
