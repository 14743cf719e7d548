import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { runEach } from '../testing/command-line.ts';

/** More than a buffer of Node's holds, and than a test's machine has memory for. The disk keeps none of it. */
const bytes = 5 * 2 ** 30;

it('a file that is far too large is refused in a sentence by whatever reads it whole, with the code first', async () => {
  const folder = tempDir();
  const giant = join(folder, 'giant');
  await writeFile(giant, '');
  await truncate(giant, bytes);
  const key = 'f'.repeat(64);
  const lines = [
    ['coordinator', '--config', giant],
    ['coordinator', 'verify', '--config', giant],
    ['client', '--config', giant, '--check'],
    ['sensor', '--config', giant, '--check'],
    ['node-helper', '--config', giant, '--check'],
    ['agent', 'run', '--config', giant, '--check'],
    ['relay', '--config', giant],
    ['status', '--credentials', giant],
    ['root', 'show', giant],
    ['root', 'sign', giant, '--key', giant, '--out', join(folder, 'out')],
    ['audit', 'verify', giant],
    ['audit', 'witness', 'cosign', giant, '--to', join(folder, 'out'), '--home', folder],
    ['rotation', 'verify', giant, '--key', key],
    ['rotation', 'key', giant],
    ['posture', giant],
    ['drill', 'run', 'alert-flood', '--policy', giant],
    ['drill', 'run', 'lateral-movement', '--flows', giant],
  ];
  for (const [at, { code, error }] of (await runEach(lines)).entries()) {
    expect([lines[at]?.join(' '), code]).toEqual([lines[at]?.join(' '), 1]);
    expect(error).toMatch(/^[A-Z_]+: /);
    expect(error).not.toMatch(/\n +at |node:/);
    expect(error.split('\n').length).toBeLessThanOrEqual(3);
  }
});
