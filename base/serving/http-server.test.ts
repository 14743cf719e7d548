import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { alivePage, type HttpServer, jsonPage, metricsPage, type Pages, servePages } from './http-server.ts';

describe('servePages', () => {
  let server: HttpServer | undefined;
  afterEach(() => server?.close());

  const start = async (pages: Pages) => {
    server = await servePages('127.0.0.1:0', pages);
    return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${server?.port}${path}`, { method });
  };

  it('answers each path with its page, whatever the query', async () => {
    const registry = new Registry();
    const get = await start({
      '/healthz': alivePage,
      '/metrics': () => metricsPage(registry),
      '/readyz': () => jsonPage({ ready: false }, 503),
      '/bytes': () => ({ type: 'image/png', body: Uint8Array.of(1, 2) }),
    });
    expect(await (await get('/healthz?from=probe')).text()).toBe('ok\n');
    expect((await get('/metrics')).headers.get('content-type')).toBe(registry.contentType);
    const ready = await get('/readyz');
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false }]);
    const bytes = await get('/bytes');
    expect(bytes.headers.get('content-type')).toBe('image/png');
    expect(bytes.headers.get('x-content-type-options')).toBe('nosniff');
    expect(bytes.headers.get('cache-control')).toBe('no-store');
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([1, 2]);
  });

  it('says what there is where it has no such page, and takes GET alone', async () => {
    const get = await start({ '/healthz': alivePage, '/metrics': () => metricsPage(new Registry()) });
    for (const path of ['/', '/constructor', '/healthz/', '/%00']) {
      const missing = await get(path);
      expect([missing.status, await missing.text()]).toEqual([404, 'only /healthz, /metrics\n']);
    }
    const posted = await get('/healthz', 'POST');
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('keeps to itself why a page failed, and goes on', async () => {
    const get = await start({
      '/thrown': () => {
        throw new Error('s3cr3t');
      },
      '/rejected': () => Promise.reject(new Error('s3cr3t')),
      '/healthz': alivePage,
    });
    for (const path of ['/thrown', '/rejected']) {
      const failed = await get(path);
      expect([failed.status, await failed.text()]).toEqual([500, `${path} failed\n`]);
    }
    expect((await get('/healthz')).status).toBe(200);
  });

  it('rejects when the port is taken, and may be closed twice', async () => {
    await start({ '/healthz': alivePage });
    await expect(servePages(`127.0.0.1:${server?.port}`, {})).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server?.close();
    await server?.close();
  });

  it('serves on IPv6 addresses in brackets', async () => {
    const six = await servePages('[::1]:0', { '/healthz': alivePage });
    expect((await fetch(`http://[::1]:${six.port}/healthz`)).status).toBe(200);
    await six.close();
  });
});
