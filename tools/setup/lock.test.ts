import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { takeLock } from './lock.mjs';

const lock = new URL('./lock.mjs', import.meta.url).href;

it('a set-up whose waiting for a lock is ended does not go on without it, while the one that holds it works', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-lock-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'lock');
  const { release } = takeLock(path, expect.unreachable);
  onTestFinished(release);
  const program = `
    const { takeLock } = await import(${JSON.stringify(lock)});
    takeLock(${JSON.stringify(path)}, () => process.stdout.write('waits\\n'));
    process.stdout.write('goes on');`;
  const other = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void other.kill('SIGKILL'));
  const ended = once(other, 'close');
  const texts = { out: '', error: '' };
  other.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  other.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.error += text;
  });
  await vi.waitUntil(() => texts.out.includes('waits'), 600_000);
  const helpers = () => readFileSync(`/proc/${other.pid}/task/${other.pid}/children`, 'utf8').trim();
  process.kill(Number(await vi.waitUntil(helpers, 600_000)));
  expect((await ended)[0]).toBe(1);
  expect(texts.out).toBe('waits\n');
  expect(texts.error).toContain('was ended before it had it; run this again');
});
