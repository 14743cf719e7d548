import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { isStill, markOf } from './process-mark.ts';

it('a process has one mark for as long as it lives, another than others have, and none afterwards', async () => {
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)']);
  try {
    await once(child, 'spawn');
    const pid = child.pid as number;
    const mark = markOf(pid) ?? '';
    expect(mark).not.toBe('');
    expect(isStill({ pid, mark })).toBe(true);
    expect(isStill({ pid, mark: `${mark}0` })).toBe(false);
    if (process.platform === 'linux') expect(mark).not.toBe(markOf(process.pid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isStill({ pid, mark })).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
});
