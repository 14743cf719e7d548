import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { Ran } from './kubectl.ts';
import { Talk, tryUntilRefused } from './probe-connections.ts';

const { signal } = new AbortController();
const stood: Ran = { code: 0, out: '', error: '' };
const refused: Ran = { code: 1, out: '', error: 'command terminated with exit code 1\n' };
const failed: Ran = { code: 1, out: '', error: 'Error from server: error dialing backend: EOF\n' };

/** For what ends by itself, however slow the machine is. */
const patientMs = 600_000;

/** The answers one after another, and the last again and again. */
function answering(...answers: readonly Ran[]) {
  let count = 0;
  return async () => answers[Math.min(count++, answers.length - 1)] as Ran;
}

it('calls a connection refused when the network refused two in a row, and no failure of kubectl', async () => {
  const sinceMs = performance.now();
  const tried = (msMax: number, ...answers: readonly Ran[]) =>
    tryUntilRefused(answering(...answers), sinceMs, msMax, signal);
  expect(await tried(patientMs, stood, refused, refused)).toEqual({ refusedAfterMs: expect.any(Number) });
  expect(await tried(600, stood, failed, failed, stood)).toEqual({ refusedAfterMs: null });
  expect(await tried(600, refused, stood)).toEqual({ refusedAfterMs: null });
  expect(await tried(600, failed)).toEqual({
    refusedAfterMs: null,
    untried: 'none could be tried: Error from server: error dialing backend: EOF',
  });
});

function talkTo(script: string): Talk {
  const talk = new Talk(spawn('sh', ['-c', script]));
  onTestFinished(() => talk.end());
  return talk;
}

it('hears what comes back, and tells a connection that was cut from a kubectl that broke off', async () => {
  const living = talkTo('exec cat');
  expect(await living.echoes('before', signal, patientMs)).toBe(true);
  expect(await living.echoes('after', signal, patientMs)).toBe(true);
  const silent = talkTo('exec sleep 60');
  expect(await silent.echoes('after', signal, 200)).toBe(false);
  const cut = talkTo('read word; echo command terminated with exit code 1 >&2; exit 1');
  expect(await cut.echoes('after', signal, patientMs)).toBe(false);
  const broken = talkTo('read word; echo error: unexpected EOF >&2; exit 1');
  expect(await broken.echoes('after', signal, patientMs)).toBeUndefined();
});

it('waits for the last words of a kubectl that has ended already', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-talk-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const gate = join(folder, 'gate');
  execFileSync('mkfifo', [gate]);
  // Its words are still on their way, by another process, when it is gone.
  const child = spawn('sh', ['-c', `(read word < ${gate}; echo command terminated with exit code 1 >&2) & exit 1`]);
  const talk = new Talk(child);
  await once(child, 'exit');
  const echoed = talk.echoes('after', signal, patientMs);
  await writeFile(gate, 'go\n');
  expect(await echoed).toBe(false);
});
