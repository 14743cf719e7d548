import { readFileSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastLines, startMember } from './member.ts';

describe('startMember', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-members-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const member = (name: string, script: string, env = {}) =>
    startMember({ name, args: ['-e', script], env, logFile: join(folder, `${name}.log`) });

  it('keeps what the process says and knows when it has ended', async () => {
    const talker = await member('talker', 'console.log(process.env.WORD); console.error("then")', { WORD: 'first' });
    await talker.exited;
    expect(talker.running()).toBe(false);
    expect(await readFile(talker.logFile, 'utf8')).toBe('first\nthen\n');
    expect(await lastLines(talker, 1)).toBe('then');
    await talker.stop();
  });

  it('hears of the end of a process that was shorter than the closing of its log', async () => {
    const logFile = join(folder, 'short.log');
    const openLate = async (): Promise<Pick<FileHandle, 'fd' | 'close'>> => {
      const log = await open(logFile, 'a');
      return { fd: log.fd, close: () => untilEnded(logFile).then(() => log.close()) };
    };
    const short = await startMember({ name: 'short', args: ['-p', 'process.pid'], logFile }, openLate);
    await short.exited;
    expect(short.exitCode()).toBe(0);
  });

  it('ends a process that listens, and one that does not', async () => {
    const polite = await member('polite', 'setInterval(() => {}, 1000)');
    await polite.stop();
    expect(polite.running()).toBe(false);

    const deaf = await member(
      'deaf',
      'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)',
    );
    while (!(await readFile(deaf.logFile, 'utf8')).includes('up'))
      await new Promise((resolve) => setImmediate(resolve));
    await deaf.stop(50);
    expect(deaf.running()).toBe(false);
    await deaf.stop();
  });
});

/** Until the process whose id a file holds is no more, its exit code taken. */
async function untilEnded(file: string): Promise<void> {
  for (;;) {
    const pid = Number(readFileSync(file, 'utf8'));
    try {
      if (pid > 0) process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
