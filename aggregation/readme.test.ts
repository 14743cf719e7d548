import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the README › prints what it says', async () => {
  const readme = await readFile(new URL('README.md', import.meta.url), 'utf8');
  const [, code, , printed] = readme.split(/^```(?:ts)?\n/m) as [string, string, string, string];
  const dir = await mkdtemp(path.join(os.tmpdir(), 'readme-'));
  try {
    const file = path.join(dir, 'example.ts');
    await writeFile(file, code.replaceAll("'./", `'${new URL('.', import.meta.url).href}`));
    const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', file]);
    expect(stdout).toBe(printed);
  } finally {
    await rm(dir, { recursive: true });
  }
});
