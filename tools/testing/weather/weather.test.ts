import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { preloaded } from '../../../base/testing/preloaded.ts';
import { delaysOf } from './delays.ts';

const folder = mkdtempSync(join(tmpdir(), 'testudo-weather-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = readFileSync(new URL('ready-events.c', import.meta.url), 'utf8');
const library = preloaded(folder, 'weather', source);
const weather = new URL('weather.ts', import.meta.url).href;
const stripped = new URL('../stripped.mjs', import.meta.url).href;

/** What a process of these lines prints, as JSON, in the weather of a seed. */
async function inWeather(seed: number, lines: string): Promise<unknown> {
  const args = ['--import', stripped, '--import', weather, '--input-type=module', '-e', lines];
  const env = { ...process.env, NODE_OPTIONS: '', TESTUDO_WEATHER: String(seed), ...library };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env });
  return JSON.parse(stdout);
}

/** The order in which these operations are answered. */
async function orderOf(seed: string, place: string, count = 200): Promise<number[]> {
  const later = delaysOf(seed, place);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: count }, (_, at) => {
      return new Promise<void>((resolve) => {
        later('turns', () => {
          order.push(at);
          resolve();
        });
      });
    }),
  );
  return order;
}

describe('delaysOf', () => {
  it('answers everything once, and not in the order in which it was asked', async () => {
    const order = await orderOf('1', 'a');
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, at) => at));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  });

  it('draws by seed, place and kind alone: what is answered at once is the same each time', async () => {
    const atOnce = (seed: string, place: string, kind: string) => {
      const later = delaysOf(seed, place);
      later('another', () => {});
      return Array.from({ length: 200 }, () => {
        let called = false;
        later(kind, () => {
          called = true;
        });
        return called;
      });
    };
    const one = atOnce('1', 'a', 'read');
    expect(atOnce('1', 'a', 'read')).toEqual(one);
    for (const [seed, place, kind] of [
      ['2', 'a', 'read'],
      ['1', 'b', 'read'],
      ['1', 'a', 'write'],
    ] as const)
      expect(atOnce(seed, place, kind)).not.toEqual(one);
  });
});

describe('weather', () => {
  it('lets the later of two reads end first, and the earlier: who sets what was read last is either', async () => {
    const lines = `
      import { readFile, writeFile } from 'node:fs/promises';
      await writeFile('pair', 'x');
      const last = new Set();
      for (let round = 0; round < 100; round++) {
        let deadline;
        const freeze = async (until) => { await readFile('pair'); deadline = until; };
        await Promise.all([freeze(1), freeze(2)]);
        last.add(deadline);
      }
      console.log(JSON.stringify([...last].sort()));
    `;
    expect(await inWeather(1, lines)).toEqual([1, 2]);
  });

  it('keeps what Node promises of a handle, a stream, and functions that promisify knows', async () => {
    const lines = `
      import { once } from 'node:events';
      import fs, { createReadStream, createWriteStream } from 'node:fs';
      import { open, readFile } from 'node:fs/promises';
      import { promisify } from 'node:util';
      import { gzip, gunzip } from 'node:zlib';
      const file = await open('handle', 'w+');
      const said = [];
      for (const word of ['one ', 'two ', 'three ']) await file.write(word);
      const reading = file.read(Buffer.alloc(3), 0, 3, 4);
      await file.close();
      said.push(String((await reading).buffer));
      const text = 'abc'.repeat(100_000);
      const stream = createWriteStream('stream');
      for (let at = 0; at < text.length; at += 10_000) stream.write(text.slice(at, at + 10_000));
      stream.end();
      await once(stream, 'close');
      let back = '';
      for await (const piece of createReadStream('stream', 'utf8')) back += piece;
      said.push(back === text && back === await readFile('stream', 'utf8'));
      const descriptor = fs.openSync('stream');
      said.push((await promisify(fs.read)(descriptor, Buffer.alloc(3), 0, 3, 0)).bytesRead);
      said.push(await promisify(fs.exists)('nowhere'));
      said.push(String(await promisify(gunzip)(await promisify(gzip)('packed'))));
      said.push(await readFile('nowhere').catch(({ code }) => code));
      console.log(JSON.stringify(said));
    `;
    for (const seed of [1, 2, 3])
      expect(await inWeather(seed, lines)).toEqual(['two', true, 3, false, 'packed', 'ENOENT']);
  });

  it('cuts what sockets and pipes carry into pieces, and loses and swaps nothing of it', async () => {
    const lines = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      import { connect, createServer } from 'node:net';
      const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const text = Array.from({ length: 200_000 }, (_, at) => at).join(' ');
      const socket = connect(server.address().port, '127.0.0.1').end(text);
      let echo = '';
      for await (const piece of socket) echo += piece;
      server.close();
      let small = 0;
      // One in 25 comes in pieces, drawn anew in each run: whoever asks sixty times meets none in one run of twelve.
      for (let round = 0; round < 20 || (small === 0 && round < 1_000); round++) {
        const child = spawn('/bin/echo', ['a line that a reader may get in pieces']);
        let said = '';
        let pieces = 0;
        child.stdout.on('data', (piece) => { said += piece; pieces += 1; });
        const [code] = await once(child, 'close');
        if (code !== 0 || said !== 'a line that a reader may get in pieces\\n') throw new Error(said);
        small += pieces - 1;
      }
      console.log(JSON.stringify([echo === text, small > 0]));
    `;
    expect(await inWeather(1, lines)).toEqual([true, true]);
  });

  it('writes all of what a process writes where it may wait for room', async () => {
    const lines = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      const child = spawn(process.execPath, ['-e', \`
        const { writeSync } = require('node:fs');
        const line = Buffer.from('one line, by one call\\\\n');
        let short = 0;
        for (let round = 0; round < 300; round++) if (writeSync(1, line) < line.length) short += 1;
        writeSync(1, String(short));
      \`]);
      let said = '';
      for await (const piece of child.stdout) said += piece;
      console.log(JSON.stringify(said.split('\\n').at(-1)));
    `;
    expect(await inWeather(1, lines)).toBe('0');
  });

  it('lets a process be gone before its end is told, with its code and its events together', async () => {
    const lines = `
      import { spawn } from 'node:child_process';
      import { once } from 'node:events';
      let late = 0;
      for (let round = 0; round < 40; round++) {
        const child = spawn('/bin/sh', ['-c', 'exit 7']);
        const exited = once(child, 'exit');
        while (child.exitCode === null) {
          try { process.kill(child.pid, 0); } catch { late += 1; break; }
          await new Promise(setImmediate);
        }
        const [code] = await exited;
        if (code !== 7 || child.exitCode !== 7) throw new Error(String(code));
      }
      console.log(JSON.stringify(late > 0));
    `;
    expect(await inWeather(1, lines)).toBe(true);
  });
});
