import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import type { Alert } from '../scoring/alert.ts';
import { anAlert } from './testing/alerts.ts';

it('keeps what waits and what died through a kill, in the order of time', { timeout: 600_000 }, async () => {
  const folder = tempDir();
  const script = fileURLToPath(new URL('./testing/fill-outbox.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  for await (const bytes of child.stdout) {
    said += String(bytes);
    if (said.includes('40\n')) break;
  }
  child.kill('SIGKILL');
  await once(child, 'close');
  const outbox = unwrap(Outbox.open<Alert>(folder));
  const waiting: string[] = [];
  for (let next = outbox.due('hook', 1e15); next !== undefined; next = outbox.due('hook', 1e15)) {
    waiting.push(next.outgoing.item.subject.workload);
    outbox.delivered(next.seq);
  }
  expect(waiting.length).toBeGreaterThanOrEqual(39);
  expect(waiting).toEqual(waiting.map((_, at) => `w-${at + 2}`)); // The first was buried.
  expect(outbox.dead().map(({ item, why }) => [item.subject.workload, why])).toEqual([['w-1', 'HTTP 400']]);
  outbox.close();
});

it('is bounded: what waits longest dies, and the oldest dead letter goes; dead ones can be queued anew', () => {
  const outbox = unwrap(Outbox.open<Alert>(tempDir(), { waitingMax: 3, deadMax: 2 }));
  for (let at = 1; at <= 7; at++) outbox.put(['hook', 'log'], { item: anAlert(String(at)), repeats: at }, at);
  expect([outbox.count('hook'), outbox.count('log')]).toEqual([3, 3]);
  const dead = outbox.dead().filter(({ sink }) => sink === 'hook');
  expect(dead.map(({ repeats }) => repeats)).toEqual([4, 3]);
  expect(dead[0]?.why).toContain('more than 3 waited');
  expect(outbox.due('hook', 100)?.outgoing.repeats).toBe(5);

  expect(outbox.retry(anAlert('4').id, 200)).toBe(2); // Of both sinks.
  expect(outbox.dead().some(({ item }) => item.id === anAlert('4').id)).toBe(false);
  expect(outbox.count('hook')).toBe(3);
  outbox.close();
});
