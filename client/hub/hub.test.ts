import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import type { CountedExample } from '../learning/example-buffer.ts';
import { parseAddress } from '../link/address.ts';
import type { Alert } from '../scoring/alert.ts';
import { HubLink } from '../sensor/hub-link.ts';
import { openHubAuthority } from './authority.ts';
import { Hub } from './hub.ts';
import { hubConfig } from './hub-config.ts';
import { ReleasesRelay } from './releases-relay.ts';

const log = pino({ level: 'silent' });
const signal = new AbortController().signal;
const token = 'a-token-that-hub-and-sensors-share-0123456789';

let folder: string;
let hub: Hub;
let raised: Alert[];
let learnt: CountedExample<Uint8Array>[];
let refused: string[];
const links: HubLink[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-hub-'));
  await writeFile(join(folder, 'token'), `${token}\n`);
  [raised, learnt, refused] = [[], [], []];
  hub = await startHub();
});
afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

async function startHub(ports = { sensors: 0, admission: 0 }): Promise<Hub> {
  const authority = unwrap(await openHubAuthority(folder, undefined, Buffer.alloc(32, 1), Date.now()));
  const member = { federation: parseFederationId('herd'), cluster: parseClusterId('north') };
  return await Hub.start({
    config: hubConfig.parse({
      listen: `127.0.0.1:${ports.sensors}`,
      admissionListen: `127.0.0.1:${ports.admission}`,
      admission: { kind: 'file', path: join(folder, 'token') },
    }),
    authority,
    relay: await ReleasesRelay.open(folder, { now: Date.now, report: () => undefined }),
    pathOf: () => join(folder, 'nothing'),
    who: () => member,
    delivery: {
      async raise(_, alert) {
        raised.push(alert);
        return ok(undefined);
      },
      learn(_, examples) {
        learnt.push(...examples);
        return ok(undefined);
      },
      flows: () => undefined,
      wantsExamples: () => true,
      wantsFlows: () => false,
    },
    onDelivered: () => undefined,
    onBeat: () => undefined,
    onRefused: (code) => refused.push(code),
    log,
    timers: systemTimers,
  });
}

function linkOf(node: string, over: Readonly<{ authorityFile?: string; tokenFile?: string }> = {}): HubLink {
  const address = (port: number) => unwrap(parseAddress(`127.0.0.1:${port}`));
  const link = new HubLink(
    {
      address: address(hub.ports.sensors),
      admissionAddress: address(hub.ports.admission),
      authorityFile: join(folder, 'hub', 'authority.pem'),
      tokenFile: join(folder, 'token'),
      node,
      ...over,
    },
    systemTimers,
  );
  links.push(link);
  return link;
}

function batch(parts: object = {}): DeliverRequest {
  return DeliverRequest.fromPartial({ batch: 'b-1', ...parts });
}

const contentOf = (example: Buffer) => createHash('sha256').update(example).digest().subarray(0, 16);
const alert: Alert = {
  id: 'a-0123456789abcdef',
  at: '2026-11-28T20:00:00.000Z',
  track: 'syscall',
  modelVersion: 1,
  score: 3,
  threshold: 1,
  subject: { namespace: 'shop', workload: 'web', workloadClass: 'nginx', pod: 'web-0' },
  text: 'x',
  labels: [],
  detail: {},
};
const told = { track: 'syscall', alert: Buffer.from(JSON.stringify(alert)), example: Buffer.from('e') };

describe('Hub', () => {
  it('takes a batch of a sensor that it admitted, once however often it comes, and says which node it is from', async () => {
    const link = linkOf('node-a');
    const example = Buffer.from('normal');
    const examples = [{ track: 'syscall', content: contentOf(example), example, count: 5n }];
    for (let time = 0; time < 3; time++) unwrap(await link.deliver(batch({ alerts: [told], examples }), signal));
    expect(raised).toMatchObject([{ id: alert.id, detail: { sensor: 'node-a' } }]);
    expect(learnt.map(({ count }) => count)).toEqual([5]);
    expect(hub.book.all().map(({ node }) => node)).toEqual(['node-a']);
  });

  it('counts a content by its name where it knows it, and asks for it where it does not', async () => {
    const link = linkOf('node-a');
    const example = Buffer.from('normal');
    const content = contentOf(example);
    const known = { track: 'syscall', content, count: 7n };
    const unknown = unwrap(await link.deliver(batch({ batch: 'b-1', examples: [known] }), signal));
    expect(unknown.unknownContents).toEqual([content]);
    unwrap(await link.deliver(batch({ batch: 'b-2', examples: [{ ...known, example, count: 1n }] }), signal));
    // Of another node too: a content is a content.
    const answer = unwrap(await linkOf('node-b').deliver(batch({ batch: 'b-3', examples: [known] }), signal));
    expect(answer.unknownContents).toEqual([]);
    expect(learnt.map(({ example: one, count }) => [Buffer.from(one).toString(), count])).toEqual([
      ['normal', 1],
      ['normal', 7],
    ]);
  });

  it('tells every sensor the level that all of them together have', async () => {
    const sketch = { track: 'syscall', model: '1/sha256:a', group: 'nginx', count: 150, usual: 0 };
    unwrap(await linkOf('node-a').deliver(batch({ sketches: [{ ...sketch, level: 2 }] }), signal));
    const link = linkOf('node-b');
    const { levels } = unwrap(await link.deliver(batch({ sketches: [{ ...sketch, level: 4 }] }), signal));
    expect(levels?.levels).toMatchObject([{ group: 'nginx', level: 3 }]);
    const again = unwrap(await link.deliver(batch({ batch: 'b-2', levelsVersion: levels?.version }), signal));
    expect(again.levels).toBeUndefined();
  });

  it('admits nobody with another token, and tells a token to no hub but its own', async () => {
    await writeFile(join(folder, 'other'), 'another-token-of-the-same-length-0123456789');
    const wrong = await linkOf('node-a', { tokenFile: join(folder, 'other') }).deliver(batch(), signal);
    expect(wrong).toMatchObject({ ok: false, fault: { code: 'TOKEN_UNKNOWN' } });
    expect(refused).toEqual(['TOKEN_UNKNOWN']);

    const elsewhere = await mkdtemp(join(tmpdir(), 'testudo-hub-'));
    unwrap(await openHubAuthority(elsewhere, undefined, Buffer.alloc(32, 2), Date.now()));
    const authorityFile = join(elsewhere, 'hub', 'authority.pem');
    const foreign = await linkOf('node-a', { authorityFile }).deliver(batch(), signal);
    expect(foreign).toMatchObject({ ok: false, fault: { code: 'GRPC_UNAVAILABLE' } });
    expect(refused).toEqual(['TOKEN_UNKNOWN']);
    await rm(elsewhere, { recursive: true });
  });

  it('lets nobody in whose certificate is of another authority', async () => {
    const link = linkOf('node-a');
    const identity = unwrap(await link.admitted(signal));
    const elsewhere = await mkdtemp(join(tmpdir(), 'testudo-hub-'));
    const foreign = unwrap(await openHubAuthority(elsewhere, undefined, Buffer.alloc(32, 2), Date.now()));
    const { chain, key } = await foreign.issueServer(Date.now());
    Object.assign(identity, { chainPem: chain, tlsKeyPem: key });
    expect(await link.deliver(batch(), signal)).toMatchObject({ ok: false, fault: { code: 'GRPC_UNAVAILABLE' } });
    expect(hub.book.all()).toEqual([]);
    await rm(elsewhere, { recursive: true });
  });

  it('refuses what is too long, is no alert, or lies about a content, and serves the next one', async () => {
    const link = linkOf('node-a');
    const hostile: readonly [object, string][] = [
      [
        {
          examples: [{ track: 'syscall', content: contentOf(Buffer.from('a')), example: Buffer.from('b'), count: 1n }],
        },
        'REQUEST_INVALID',
      ],
      [{ alerts: [{ ...told, alert: Buffer.from('{}') }] }, 'REQUEST_INVALID'],
      [{ alerts: [{ ...told, track: 'flow' }] }, 'REQUEST_INVALID'],
      [{ alerts: [{ ...told, example: Buffer.alloc(70_000) }] }, 'REQUEST_INVALID'],
      [{ batch: '../../etc' }, 'REQUEST_INVALID'],
      [{ alerts: Array.from({ length: 257 }, () => told) }, 'REQUEST_INVALID'],
      // Longer than any message may be: our own side does not even send it.
      [
        { examples: [{ track: 'syscall', content: Buffer.alloc(16), example: Buffer.alloc(1_400_000), count: 1n }] },
        'GRPC_RESOURCE_EXHAUSTED',
      ],
    ];
    for (const [parts, code] of hostile) {
      expect(await link.deliver(batch(parts), signal)).toMatchObject({ ok: false, fault: { code } });
    }
    expect(raised).toEqual([]);
    expect(learnt).toEqual([]);
    unwrap(await link.deliver(batch({ alerts: [told] }), signal));
    expect(raised).toHaveLength(1);
  });

  it('takes fifty sensors back that connect at once after it was away, by the certificates that they have', async () => {
    const fifty = Array.from({ length: 50 }, (_, at) => linkOf(`node-${at}`));
    await Promise.all(fifty.map(async (link) => unwrap(await link.deliver(batch(), signal))));
    const { ports } = hub;
    await hub.close();
    expect(await fifty[0]?.deliver(batch({ batch: 'b-2' }), signal)).toMatchObject({ ok: false });
    hub = await startHub(ports);
    const untilOk = async (link: HubLink, at: number) => {
      for (;;) {
        const answer = await link.deliver(batch({ batch: `c-${at}`, alerts: [told] }), signal);
        if (answer.ok) return;
      }
    };
    await Promise.all(fifty.map(untilOk));
    expect(hub.book.all()).toHaveLength(50);
    expect(raised).toHaveLength(50);
  });
});
