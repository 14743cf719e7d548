import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { appendLine } from './append-line.ts';

const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-lines-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

it('ends a line that was cut off before it begins another, and keeps the file to its owner', async () => {
  const path = join(newFolder(), 'lines');
  await appendLine(path, 'one');
  await appendLine(path, 'two');
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(path, 'one\nhal');
  await appendLine(path, 'three');
  expect(readFileSync(path, 'utf8')).toBe('one\nhal\nthree\n');
});

it('writes into a pipe once somebody reads it, and says before of no line that it is written', async () => {
  const path = join(newFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  let isWritten = false;
  const written = appendLine(path, 'one').then(() => {
    isWritten = true;
  });
  for (let turn = 0; turn < 2_000 && !isWritten; turn++) await nextTurn();
  expect(isWritten).toBe(false);
  const [text] = await Promise.all([readFile(path, 'utf8'), written]);
  expect(text).toBe('one\n');
});

it('writes to a file that it may not read, with an empty line where the one before may be cut off', () => {
  const folder = newFolder();
  const path = join(folder, 'lines');
  writeFileSync(path, 'hal');
  chmodSync(path, 0o222);
  chmodSync(folder, 0o755);
  // Root reads everything: it becomes somebody else.
  const nobody = process.getuid?.() === 0 ? 'process.seteuid(65_534);' : '';
  const source = new URL('./append-line.ts', import.meta.url).href;
  const script = `
    const { appendLine } = await import('${source}');
    ${nobody}
    for (const line of ['one', 'two']) await appendLine('${path}', line);`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', script]);
  chmodSync(path, 0o666);
  expect(readFileSync(path, 'utf8')).toBe('hal\none\n\ntwo\n');
});
