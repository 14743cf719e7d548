import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Delivery } from '../../base/delivery/delivery.ts';
import { deliveryConfig } from '../../base/delivery/delivery-config.ts';
import { webhookSignature } from '../../base/delivery/formats/webhook.ts';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { lastingPorts } from '../../base/testing/lasting-ports.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import type { Alert } from '../scoring/alert.ts';
import { anAlert } from './testing/alerts.ts';
import { alertWording } from './wording.ts';

type Call = Readonly<{ path: string; headers: IncomingMessage['headers']; body: string }>;

/** A real HTTP server: answers with the statuses in turn, then with 200; `calls(n)` waits for so many. */
async function receiver(...statuses: readonly number[]) {
  const calls: Call[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    calls.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
    response.writeHead(statuses[calls.length - 1] ?? 200, { 'retry-after': '0' }).end('{}');
    for (const { count, done } of waiting) if (calls.length >= count) done();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async calls(count: number): Promise<readonly Call[]> {
      if (calls.length < count) await new Promise<void>((done) => waiting.push({ count, done }));
      return calls;
    },
  };
}

function deliver(folder: string, sinks: readonly object[], more: object = {}): Delivery<Alert> {
  const config = deliveryConfig.parse({ sinks, ...more });
  const sender = () => ({ federation: 'herd', cluster: 'eu-1' });
  const around = {
    attempted: () => {},
    wording: alertWording,
    log: makeLog('silent'),
    timers: systemTimers,
    unit: () => 0,
  };
  const delivery = Delivery.open({ config, dataDirectory: folder, sender, ...around });
  if (delivery === undefined) throw new Error('there are no sinks');
  onTestFinished(() => delivery.close());
  return delivery;
}

describe('Delivery', { timeout: 600_000 }, () => {
  it('tries a sink that fails again until it takes the alert, signed', async () => {
    const folder = tempDir();
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 'a key of sixteen bytes\n');
    const hook = await receiver(503, 429, 500);
    const delivery = deliver(folder, [{ kind: 'webhook', name: 'hook', url: `${hook.url}/in`, secretFile }]);
    delivery.take(anAlert('1'));
    const calls = await hook.calls(4);
    for (const { path, headers, body } of calls) {
      expect(path).toBe('/in');
      expect(JSON.parse(body)).toMatchObject({ cluster: 'eu-1', repeats: 1, alert: { id: anAlert('1').id } });
      const atSeconds = Number(headers['x-testudo-timestamp']);
      const signature = webhookSignature(Buffer.from('a key of sixteen bytes'), atSeconds, body);
      expect(headers['x-testudo-signature']).toBe(signature);
    }
    await delivery.close();
    expect(await hook.calls(4)).toHaveLength(4);
    const outbox = unwrap(Outbox.open<Alert>(folder));
    expect([outbox.count('hook'), outbox.dead().length]).toEqual([0, 0]);
    outbox.close();
  });

  it('keeps what a sink refuses as a dead letter, goes on with the next, and sends it when it is queued anew', async () => {
    const folder = tempDir();
    const hook = await receiver(400);
    const delivery = deliver(folder, [{ kind: 'alertmanager', name: 'am', url: hook.url }]);
    delivery.take(anAlert('1', 'web'));
    delivery.take(anAlert('2', 'db'));
    expect((await hook.calls(2)).map(({ path }) => path)).toEqual(['/api/v2/alerts', '/api/v2/alerts']);
    await delivery.close();
    const outbox = unwrap(Outbox.open<Alert>(folder));
    expect(outbox.dead()).toMatchObject([{ sink: 'am', why: 'HTTP 400', item: { subject: { workload: 'web' } } }]);
    expect(outbox.retry(undefined, Date.now())).toBe(1);
    outbox.close();
    deliver(folder, [{ kind: 'alertmanager', name: 'am', url: hook.url }]);
    const [, , third] = await hook.calls(3);
    expect(JSON.parse(third?.body ?? '')[0].labels).toMatchObject({ workload: 'web', testudo_cluster: 'eu-1' });
  });

  it('goes on after a stop where it was, sinks apart from one another', async () => {
    const folder = tempDir();
    const collector = await receiver();
    const [port = 0] = await lastingPorts(1); // Nobody listens there yet.
    const file = join(folder, 'findings.jsonl');
    const sinks = [
      { kind: 'syslog', name: 'log', host: '127.0.0.1', port },
      { kind: 'otlp', name: 'otlp', url: collector.url },
      { kind: 'ocsf', name: 'ocsf', file },
    ];
    const first = deliver(folder, sinks);
    first.take(anAlert('1'));
    expect((await collector.calls(1))[0]?.path).toBe('/v1/logs');
    await first.close();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ class_uid: 2004, unmapped: { cluster: 'eu-1' } });

    const frames: string[] = [];
    const log = createTcpServer((socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => frames.push(text));
      socket.on('end', () => socket.end());
    });
    log.listen(port, '127.0.0.1');
    await once(log, 'listening');
    onTestFinished(() => void log.close());
    const connected = once(log, 'connection');
    const second = deliver(folder, sinks);
    const [socket] = await connected;
    await once(socket, 'close');
    await second.close();
    expect(frames.join('')).toMatch(/^\d+ <84>1 2026-11-28T12:00:00\.000Z \S+ testudo \d+ alert \[testudo@32473 /);
    expect(readFileSync(file, 'utf8').trimEnd().split('\n')).toHaveLength(1);
    expect(await collector.calls(1)).toHaveLength(1);
  });

  it('tells a flood of the same once, and its number at the end', async () => {
    const folder = tempDir();
    const hook = await receiver();
    const delivery = deliver(folder, [{ kind: 'webhook', name: 'hook', url: hook.url }]);
    for (let count = 0; count < 500; count++) delivery.take(anAlert(String(count)));
    await hook.calls(1);
    await delivery.close(); // Ends every window: what was counted waits for the next run.
    deliver(folder, [{ kind: 'webhook', name: 'hook', url: hook.url }]);
    const bodies = (await hook.calls(2)).map(({ body }) => JSON.parse(body).repeats);
    expect(bodies).toEqual([1, 499]);
  });
});
