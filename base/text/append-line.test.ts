import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
