import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { deliveryConfig } from '../../base/delivery/delivery-config.ts';
import { webhookSignature } from '../../base/delivery/formats/webhook.ts';
import { Outbox } from '../../base/delivery/outbox.ts';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { setFreeze } from '../ledger/freezing.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import type { Attention } from '../views/attention.ts';
import type { Notification } from './notification.ts';
import { Notifier } from './notifier.ts';

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

it('tells at the next look what could not be queued, as on a full disk: that it began, and that it is over', async () => {
  const [dataDirectory, timers, begun] = [tempDir(), new SimulatedTimers(), Promise.withResolvers<void>()];
  const file = join(dataDirectory, 'alerts', 'outbox.sqlite', 'in no folder'); // What is queued stays there.
  const more = { track: '', cluster: '', about: '', text: 'no update is taken', atMs: null };
  let stands: readonly Attention[] = [{ severity: 'critical', code: 'DISK_FULL', ...more }];
  let looks = 0;
  const notifier = await Notifier.open({
    config: deliveryConfig.parse({ sinks: [{ kind: 'ocsf', name: 'lake', file }] }),
    ...{ dataDirectory, timers, log: makeLog('silent'), attempted: () => {} },
    sender: () => ({ federation: 'herd', cluster: '' }),
    look: async () => {
      await begun.promise;
      looks++;
      return stands;
    },
  });
  const outbox = new Database(join(dataDirectory, 'alerts', 'outbox.sqlite'));
  const lookedAgain = async (count: number) => {
    await expect.poll(() => looks, { interval: 1 }).toBe(count);
    await new Promise((done) => setImmediate(done));
  };
  outbox.exec('ALTER TABLE waiting RENAME TO gone');
  begun.resolve();
  await lookedAgain(1);
  outbox.exec('ALTER TABLE gone RENAME TO waiting');
  await timers.advance(15_000);
  await lookedAgain(2);
  await timers.advance(5_000);
  outbox.exec('ALTER TABLE waiting RENAME TO gone');
  stands = [];
  await timers.advance(10_000);
  await lookedAgain(3);
  outbox.exec('ALTER TABLE gone RENAME TO waiting');
  await timers.advance(15_000);
  await lookedAgain(4);
  await timers.advance(5_000);
  await notifier?.close();
  const queued = outbox.prepare('SELECT alert FROM waiting ORDER BY seq').all() as { alert: string }[];
  outbox.close();
  const told = queued.map(({ alert }) => JSON.parse(alert) as Notification);
  expect(told).toMatchObject([
    { code: 'DISK_FULL', state: 'open' },
    { code: 'DISK_FULL', state: 'over' },
  ]);
});

it('tells what stands once more where what it knew cannot be read, and the coordinator serves', async () => {
  const [dataDirectory, hook] = [tempDir(), await receiver()];
  mkdirSync(join(dataDirectory, 'data', 'alerts', 'known.json'), { recursive: true });
  const sink = JSON.stringify({ kind: 'webhook', name: 'hook', url: hook.url });
  const settings = [`alerts.sinks=[${sink}]`, 'releases.rootDays=30'];
  await TestFederation.start({ settings, dataDirectory });
  const [told] = await hook.heard(1);
  expect(told?.notification.code).toBe('ROOT_EXPIRES');
});
