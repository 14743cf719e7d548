import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Timer, Timers } from '../../../base/time.ts';
import { pacedConnection } from './paced-connection.ts';

let folder: string;
let server: Server;
let peer: Promise<Socket>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-paced-'));
  peer = new Promise((resolve) => {
    server = createServer(resolve);
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
});
afterEach(async () => {
  (await peer).destroy();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Rests end when the test says so. */
class Rests {
  ends: (() => void)[] = [];
  /** How long each was to be. */
  readonly lengthsMs: number[] = [];
  nowMs = 0;
  readonly timers: Timers = {
    now: () => 0,
    monotonicMs: () => this.nowMs,
    after: (ms, act) => {
      this.lengthsMs.push(ms);
      const timer: Timer & { act: () => void } = { timer: Symbol('timer'), act };
      this.ends.push(act);
      return timer;
    },
    every: () => ({ timer: Symbol('timer') }),
    cancel: (timer) => {
      this.ends = this.ends.filter((act) => act !== (timer as { act?: () => void } | undefined)?.act);
    },
  };

  end(): void {
    for (const act of this.ends.splice(0)) act();
  }
}

/** All that has come so far, and what comes next. */
function listen(to: Duplex) {
  let text = '';
  let wake: () => void = () => undefined;
  to.on('data', (chunk) => {
    text += chunk;
    wake();
  });
  return {
    said: () => text,
    until: async (wanted: string) => {
      while (text !== wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const said = (to: Socket, text: string) => new Promise((resolve) => to.write(text, resolve));
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('pacedConnection', () => {
  it('looks once after a rest at what came meanwhile, and gives all of it', async () => {
    const rests = new Rests();
    const connection = pacedConnection({ path: join(folder, 's') }, rests.timers);
    const heard = listen(connection);
    const other = await peer;
    await said(other, 'a');
    await heard.until('a');
    expect(rests.ends).toHaveLength(1);
    for (const letter of 'bcd') await said(other, letter);
    await turns(20);
    expect(heard.said()).toBe('a');
    rests.end();
    await heard.until('abcd');
    expect(rests.ends).toHaveLength(1);

    connection.write('heard');
    expect(String(await new Promise((resolve) => other.once('data', resolve)))).toBe('heard');
    other.end('e');
    const ended = new Promise((resolve) => connection.once('end', resolve));
    await turns(20);
    expect(heard.said()).toBe('abcd');
    rests.end();
    await heard.until('abcde');
    rests.end();
    await ended;
    connection.destroy();
    expect(rests.ends).toEqual([]);
  });

  it('does not rest while much comes, and holds back a peer that nobody reads from', async () => {
    const rests = new Rests();
    const connection = pacedConnection({ path: join(folder, 's') }, rests.timers);
    const other = await peer;
    const whole = 64 * 2 ** 16;
    let written = false;
    other.write(Buffer.alloc(whole, 'x'), () => {
      written = true;
    });
    await turns(50);
    // Nobody asked for anything: what fits into buffers is all that may have come.
    expect(written).toBe(false);
    let bytes = 0;
    await new Promise<void>((resolve) => {
      connection.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        // A chunk may be a short one at any time, and its rest begins once it was heard.
        if (bytes < whole) setImmediate(() => rests.end());
        else resolve();
      });
    });
    expect(bytes).toBe(whole);
    connection.destroy();
  });

  it('rests for as long as little can have come', async () => {
    const rests = new Rests();
    const connection = pacedConnection({ path: join(folder, 's') }, rests.timers);
    const other = await peer;
    let bytes = 0;
    let wake: () => void = () => undefined;
    connection.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      wake();
    });
    const comes = async (text: string, afterMs: number) => {
      const wanted = bytes + text.length;
      rests.nowMs += afterMs;
      await said(other, text);
      rests.end();
      while (bytes < wanted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    const kibibyte = 'x'.repeat(1_024);
    // One in half a millisecond or less is one in a millisecond; 64 of them fill a look.
    await comes(kibibyte, 1);
    await comes(kibibyte, 1);
    await comes(kibibyte, 2);
    await comes(kibibyte, 20);
    expect(rests.lengthsMs).toEqual([64, 64, 100, 100]);
    connection.destroy();
  });

  it('fails as its socket does', async () => {
    const rests = new Rests();
    const connection = pacedConnection({ path: join(folder, 'nobody') }, rests.timers);
    const failed = new Promise<NodeJS.ErrnoException>((resolve) => connection.once('error', resolve));
    expect((await failed).code).toBe('ENOENT');
    const broken = pacedConnection({ path: join(folder, 's') }, rests.timers);
    const closed = new Promise((resolve) => broken.once('close', resolve));
    broken.resume();
    (await peer).destroy();
    await closed;
    expect(broken.destroyed).toBe(true);
  });
});
