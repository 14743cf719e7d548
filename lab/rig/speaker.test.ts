import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSpeaker } from './speaker.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-speakers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function speaker(lines: string, onLine = (_: string) => {}) {
  const program = join(folder, 'speaker.mjs');
  await writeFile(program, lines);
  return startSpeaker({ program, task: { word: 'hello' }, ready: 'ready', onLine });
}

describe('startSpeaker', () => {
  it('hands over its task, hears every line, and is no trouble when it is told something that it does not read', async () => {
    const heard: string[] = [];
    const script = `
      import { closeSync } from 'node:fs';
      console.log(JSON.parse(process.argv[2]).word);
      closeSync(0);
      console.log('ready');
      setInterval(() => {}, 1_000);
    `;
    const deaf = await speaker(script, (line) => heard.push(line));
    expect(heard).toEqual(['hello']);
    deaf.tell('nobody reads this');
    await new Promise((resolve) => setImmediate(resolve)); // An error without a listener would have been thrown.
    deaf.kill();
  });

  it('says how a process ended that was never ready', async () => {
    await expect(speaker('process.exit(4)')).rejects.toThrow('ended with 4 before it was ready');
  });
});
