import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { canMount, fillDisk, mountSmallDisk } from '../base/testing/small-disk.ts';
import { tempDir } from './testing/temp-dir.ts';

const cli = fileURLToPath(new URL('../cli/testudo.ts', import.meta.url));
const ports = ['enrolment', 'federation', 'health', 'dashboard'].map((name) => `listen.${name}=127.0.0.1:0`);
const diskKib = 32 * 1_024; // Twice the reserve.

function coordinator(...args: string[]): ChildProcess {
  const words = ['--disable-warning=ExperimentalWarning', cli, 'coordinator', ...args];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** What a process says on standard error until it ends. */
async function said(child: ChildProcess): Promise<Readonly<{ code: number | null; error: string }>> {
  let error = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    error += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, error };
}

/** Where its health pages are, once it is ready. */
async function readyAt(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    if (!line.includes('"coordinator ready"')) continue;
    child.stderr?.resume();
    return `http://${(JSON.parse(line) as { addresses: { health: string } }).addresses.health}`;
  }
  throw new Error('it ended instead of being ready');
}

async function readiness(pages: string): Promise<Readonly<{ status: number; body: string }>> {
  const answer = await fetch(`${pages}/readyz`);
  return { status: answer.status, body: await answer.text() };
}

async function gauge(pages: string, name: string): Promise<number> {
  const text = await (await fetch(`${pages}/metrics`)).text();
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]);
}

it('a coordinator says DISK_FULL, and what it is about, at its start and while it runs', {
  timeout: 600_000,
}, async (context) => {
  const folder = tempDir();
  const data = join(folder, 'data');
  if (!canMount(folder)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(data, diskKib);
  const ballast = join(data, 'ballast');
  expect(await said(coordinator('init', folder, '--federation', 'herd'))).toEqual({ code: 0, error: '' });
  const config = ['--config', join(folder, 'coordinator.yaml'), '--set', ...ports];

  const fillBut = (leftKib: number) => {
    fillDisk(ballast);
    truncateSync(ballast, statSync(ballast).size - leftKib * 1_024);
  };
  for (const leftKib of [0, 24]) {
    fillBut(leftKib); // Neither the lock, nor the journal's epoch, finds room.
    const refused = await said(coordinator(...config));
    expect(refused, `${leftKib} KiB are left`).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^DISK_FULL: .*free space/im),
    });
    expect(refused.error).not.toContain('EPOCH_STALE');
    rmSync(ballast);
  }

  fillBut(1_024); // Room for the journal, within the reserve.
  const running = coordinator(...config);
  const pages = await readyAt(running);
  expect(await readiness(pages)).toMatchObject({ status: 503, body: expect.stringMatching(/^DISK_FULL: /) });
  rmSync(ballast);
  expect(await readiness(pages)).toEqual({ status: 200, body: 'ready\n' });
  expect(await gauge(pages, 'testudo_free_bytes')).toBeGreaterThan(1_000_000);
  fillDisk(ballast);
  expect(await gauge(pages, 'testudo_free_bytes')).toBe(0);
  expect(await readiness(pages)).toMatchObject({ status: 503, body: expect.stringMatching(/^DISK_FULL: /) });
  rmSync(ballast);
  expect(await readiness(pages)).toEqual({ status: 200, body: 'ready\n' });
  running.kill('SIGTERM');
  expect(await once(running, 'exit')).toEqual([0, null]);
});
