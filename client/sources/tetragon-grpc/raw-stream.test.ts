import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { FaultError } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
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
  const options = { path: '/a.B/C', signal: new AbortController().signal, timers: systemTimers };
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

  it('says why it cannot connect', async () => {
    const options = { path: '/a.B/C', signal: new AbortController().signal, timers: systemTimers };
    const { batches, close } = openRawStream('unix:///nowhere/tetragon.sock', options);
    const reading = (async () => {
      for await (const _ of batches);
    })();
    await expect(reading).rejects.toMatchObject({ fault: { code: 'GRPC_UNAVAILABLE' } });
    close();
  });
});
