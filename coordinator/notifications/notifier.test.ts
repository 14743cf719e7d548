import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { webhookSignature } from '../../base/delivery/formats/webhook.ts';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { setFreeze } from '../ledger/freezing.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import type { Notification } from './notification.ts';

type Heard = Readonly<{ headers: IncomingHttpHeaders; body: string; notification: Notification }>;

/** A real HTTP server that answers with the statuses in turn, then with 200; `heard(n)` waits for so many that it took. */
async function receiver(...statuses: number[]) {
  const taken: Heard[] = [];
  const waiting: { count: number; done: () => void }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const status = statuses.shift() ?? 200;
    response.writeHead(status, { 'retry-after': '0' }).end();
    if (status === 200) taken.push({ headers: request.headers, body, notification: JSON.parse(body).notification });
    for (const { count, done } of waiting) if (taken.length >= count) done();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async heard(count: number): Promise<readonly Heard[]> {
      if (taken.length < count) await new Promise<void>((done) => waiting.push({ count, done }));
      return taken;
    },
  };
}

it('a coordinator tells its sinks what wants attention, signed, until they take it, and once over restarts', {
  timeout: 600_000,
}, async () => {
  const secretFile = join(tempDir(), 'secret');
  writeFileSync(secretFile, 'a key of sixteen bytes\n');
  const [hook, refusing] = [await receiver(503), await receiver(400)];
  const sinks = [
    `{ kind: webhook, name: hook, url: "${hook.url}", secretFile: "${secretFile}" }`,
    `{ kind: alertmanager, name: pager, url: "${refusing.url}" }`,
  ];
  const dataDirectory = tempDir();
  const settings = [`alerts.sinks=[${sinks.join(', ')}]`, 'releases.rootDays=30'];
  const federation = await TestFederation.start({ dataDirectory, settings });
  const [root] = await hook.heard(1);
  expect(root?.notification).toMatchObject({ code: 'ROOT_EXPIRES', state: 'open', severity: 'warning', about: 'root' });
  expect(root?.notification.next).toContain('testudo root rotate');
  const secret = Buffer.from('a key of sixteen bytes');
  const signature = webhookSignature(secret, Number(root?.headers['x-testudo-timestamp']), root?.body ?? '');
  expect(root?.headers['x-testudo-signature']).toBe(signature);

  const { engine } = federation.coordinator;
  const until = { tracks: [track], fromMs: null, untilMs: Date.now() + 3_600_000, reason: 'an audit', dryRun: false };
  unwrap(await setFreeze(engine, operator, until));
  await federation.restart(); // Looks at once.
  const [, frozen] = await hook.heard(2);
  expect(frozen?.notification).toMatchObject({ code: 'FROZEN', severity: 'notice' });
  expect(frozen?.notification.text).toContain('an audit');
  await refusing.heard(1); // What it refused came before.
  await federation.coordinator.close();
  expect((await hook.heard(2)).map(({ notification: { code } }) => code)).toEqual(['ROOT_EXPIRES', 'FROZEN']);

  const outbox = unwrap(Outbox.open<Notification>(federation.config.dataDirectory));
  expect(outbox.dead()).toMatchObject([{ sink: 'pager', why: 'HTTP 400', item: { code: 'ROOT_EXPIRES' } }]);
  outbox.close();
});
