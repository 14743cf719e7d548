import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { FaultError } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { tetragonStream } from '../tetragon-stream.ts';
import { GetEventsResponse } from '../wire/generated/tetragon.ts';
import { openRawStream } from './raw-stream.ts';

let server: Http2Server | undefined;
afterEach(() => void server?.close());

/** Everything that comes of a peer that does this, as texts, and the code of the fault that it ended with. */
async function read(serve: (stream: ServerHttp2Stream) => void) {
  server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    serve(stream);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { path: '/a.B/C', timers: systemTimers };
  const { batches, close } = openRawStream(address, options);
  const texts: string[] = [];
  try {
    for await (const messages of batches) texts.push(...messages.map(String));
    return { texts, code: undefined };
  } catch (error) {
    return { texts, code: error instanceof FaultError ? error.fault.code : String(error) };
  } finally {
    close();
  }
}

function frame(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

describe('openRawStream', () => {
  it('gives every message once, however its bytes are cut', async () => {
    const texts = ['', 'a', 'bc'.repeat(40_000), 'd'.repeat(7), ''];
    const bytes = Buffer.concat(texts.map(frame));
    for (const size of [1, 3, 5, 6, 4_096]) {
      const cut = size < 10 ? Buffer.concat(['x', 'yz', '', 'w'].map(frame)) : bytes;
      const { texts: found, code } = await read(async (stream) => {
        for (let at = 0; at < cut.length; at += size) {
          await new Promise((resolve) => stream.write(cut.subarray(at, at + size), resolve));
        }
        stream.end();
      });
      expect(code).toBeUndefined();
      expect(found).toEqual(size < 10 ? ['x', 'yz', '', 'w'] : texts);
      server?.close();
    }
  });

  it('gives out what came before a break, and then says what broke', async () => {
    const cut = await read((stream) => stream.write(frame('last'), () => stream.session?.destroy()));
    expect(cut).toEqual({ texts: ['last'], code: 'GRPC_UNAVAILABLE' });
    const long = Buffer.concat([frame('last'), Buffer.from([0, 0xff, 0xff, 0xff, 0xff])]);
    expect(await read((stream) => stream.end(long))).toMatchObject({ code: 'STREAM_BROKEN' });
    expect(await read((stream) => stream.end(Buffer.from([1, 0, 0, 0, 0])))).toMatchObject({ code: 'STREAM_BROKEN' });
  });

  it('follows a Unix socket that goes and comes back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-socket-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'tetragon.sock');
    const event = {
      $case: 'processTracepoint',
      value: { process: { execId: 'e1', pid: { value: 7 } }, subsys: 'syscalls', event: 'sys_enter_read' },
    };
    const message = Buffer.from(
      GetEventsResponse.encode(GetEventsResponse.fromPartial({ nodeName: 'n1', event } as never)).finish(),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    const serve = async () => {
      const one = createServer();
      const sessions = new Set<{ destroy(): void }>();
      one.on('session', (session) => sessions.add(session));
      one.on('stream', (stream) => {
        stream.on('error', () => undefined);
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(Buffer.concat([head, message]));
      });
      await new Promise<void>((resolve) => one.listen(path, resolve));
      return async () => {
        for (const session of sessions) session.destroy();
        await new Promise((resolve) => one.close(resolve));
      };
    };
    const stopping = new AbortController();
    const breaks: string[] = [];
    const stream = tetragonStream(`unix://${path}`, {
      signal: stopping.signal,
      reconnect: { firstMs: 1, maxMs: 5 },
      timers: systemTimers,
      unit: () => 0.5,
      onDisconnect: ({ code }) => breaks.push(code),
    });
    let stop = await serve();
    let calls = 0;
    for await (const { items } of stream) {
      calls += items.filter(({ kind }) => kind === 'call').length;
      if (calls === 0) continue;
      await stop();
      if (calls === 3) break;
      stop = await serve();
    }
    stopping.abort();
    expect(calls).toBe(3);
    expect(new Set(breaks)).toEqual(new Set(['GRPC_UNAVAILABLE']));
  });

  it('says why it cannot connect', async () => {
    const options = { path: '/a.B/C', timers: systemTimers };
    const { batches, close } = openRawStream('unix:///nowhere/tetragon.sock', options);
    const reading = (async () => {
      for await (const _ of batches);
    })();
    await expect(reading).rejects.toMatchObject({ fault: { code: 'GRPC_UNAVAILABLE' } });
    close();
  });
});
