import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { alivePage, type HttpServer, serveHttp, servePages } from './http-server.ts';

/** Resolves whether it was ended or reset. */
function closed(socket: Socket | undefined): Promise<unknown> {
  return new Promise((resolve) => socket?.resume().once('close', resolve));
}

/** As many as health pages hold. */
const pagesMax = 128;

describe('a server that somebody crowds', () => {
  let server: HttpServer | undefined;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server?.close();
  });

  /** Connections of one address that have said as much as `text`, in the order in which the server has them. */
  async function crowd(count: number, text: string, localAddress = '127.0.0.1'): Promise<readonly Socket[]> {
    const made: Socket[] = [];
    for (let n = 0; n < count; n++) {
      const socket = connect({ host: '127.0.0.1', port: server?.port ?? 0, localAddress });
      socket.on('error', () => {}); // Being cut is what is looked at.
      await once(socket, 'connect');
      socket.write(text);
      made.push(socket);
    }
    sockets.push(...made);
    return made;
  }

  const alive = async () => (await fetch(`http://127.0.0.1:${server?.port}/healthz`)).text();

  it.each([
    ['that say nothing', ''],
    ['that send a request by the byte', 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: '],
    ['whose requests were answered', 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
  ])('answers a probe beside as many connections as it holds, %s', async (_, text) => {
    server = await servePages('127.0.0.1:0', { '/healthz': alivePage });
    const [oldest] = await crowd(pagesMax, text);
    const gone = closed(oldest);
    expect(await alive()).toBe('ok\n');
    await gone;
  });

  it('lets the oldest of whoever has most give way, and nobody who has few', async () => {
    server = await servePages('127.0.0.1:0', { '/healthz': alivePage });
    const [few] = await crowd(1, 'GET /healthz HTTP/1.1\r\n');
    const [many] = await crowd(pagesMax - 1, '', '127.0.0.2');
    const gone = closed(many);
    expect(await alive()).toBe('ok\n');
    await gone;
    few?.write('host: 127.0.0.1\r\n\r\n');
    const [answer] = (await once(few as Socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200/);
  });

  it('keeps a whole request that is being answered, and drops who comes where there is nothing else', async () => {
    const answering = Promise.withResolvers<void>();
    let asked = 0;
    const begun = Promise.withResolvers<void>();
    server = await serveHttp(
      '127.0.0.1:0',
      (request, response) => {
        request.resume();
        if (++asked === 2) begun.resolve();
        void answering.promise.then(() => response.end('late'));
      },
      { connectionsMax: 2 },
    );
    const slow = [1, 2].map(() => fetch(`http://127.0.0.1:${server?.port}/`, { method: 'POST', body: 'whole' }));
    await begun.promise;
    const [dropped] = await crowd(1, '');
    await closed(dropped);
    answering.resolve();
    for (const answer of await Promise.all(slow)) expect(await answer.text()).toBe('late');
  });

  it('lets a request give way whose body comes by the byte', async () => {
    server = await serveHttp(
      '127.0.0.1:0',
      (request, response) => void request.resume().on('end', () => response.end('ok')),
      {
        connectionsMax: 1,
      },
    );
    const [slow] = await crowd(1, 'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\nx');
    const gone = closed(slow);
    expect(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()).toBe('ok');
    await gone;
  });
});
