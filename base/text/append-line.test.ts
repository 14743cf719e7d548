import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('writes into a pipe too, of which there is nothing to read', async () => {
  const path = join(newFolder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const pipe = await open(path, 'r+');
  onTestFinished(() => pipe.close());
  await appendLine(path, 'one');
  const { bytesRead, buffer } = await pipe.read(Buffer.alloc(16), 0, 16);
  expect(buffer.toString('utf8', 0, bytesRead)).toBe('one\n');
});
