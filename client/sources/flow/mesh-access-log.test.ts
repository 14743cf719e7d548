import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FlowItem } from '../../events/source-item.ts';
import { readAccessLogLine } from '../../recordings/access-logs/read-access-log-line.ts';
import { AddressBook } from '../../recordings/address-book.ts';
import { routeTemplate } from '../../recordings/route-template.ts';
import { meshAccessLog } from './mesh-access-log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-mesh-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(...lines: readonly (string | object)[]): Promise<FlowItem[]> {
  const path = join(folder, 'access.log');
  await writeFile(path, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  const mesh = {
    self: { namespace: 'shop', workload: 'front' },
    addresses: new AddressBook([
      { network: '10.44.1.23', namespace: 'shop', workload: 'sleep' },
      { network: '10.44.1.40', namespace: 'shop', workload: 'front' },
    ]),
  };
  const items: FlowItem[] = [];
  for await (const batch of meshAccessLog(path, {
    follow: { follow: false, signal: new AbortController().signal },
    mesh,
  })) {
    items.push(...batch.items);
  }
  return items;
}

// Written after the shape of Istio's documentation.
const json = {
  start_time: '2026-01-02T03:04:05.678Z',
  method: 'GET',
  path: '/reviews/7?full=1',
  protocol: 'HTTP/1.1',
  response_code: 200,
  response_flags: '-',
  bytes_received: 0,
  bytes_sent: 379,
  duration: 10,
  request_id: '28475d93-ba00-4115-9662-5d6797cdd981',
  upstream_cluster: 'outbound|9080||reviews.shop.svc.cluster.local',
  upstream_host: '10.44.1.27:9080',
  downstream_remote_address: '10.44.1.30:41854',
};
const inbound =
  '[2026-01-02T03:04:05.678Z] "POST /status/418 HTTP/1.1" 418 - via_upstream - "-" 12 135 3 1 "-" "curl/8.1 \\"x\\"" "84961386-6d84-929d-98bd-c5aee93b5c88" "front:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 outbound_.8000_._.front.shop.svc.cluster.local default';

describe('meshAccessLog', () => {
  it('counts a request where it ended, whether a line is of its begin or of its end', async () => {
    const began = Date.parse(json.start_time);
    const nginx = {
      ...json,
      start_time: undefined,
      time_iso8601: json.start_time,
      duration: undefined,
      request_time: '360.5',
    };
    const items = await read({ ...json, duration: 360_500 }, nginx);
    expect(items).toMatchObject([
      { kind: 'flow', flow: { atMs: began, endMs: began + 360_500, volume: { durationMs: 360_500 } } },
      { kind: 'flow', flow: { atMs: began, volume: { durationMs: 360_500 } } },
    ]);
    expect(items[1]).not.toHaveProperty('flow.endMs');
  });

  it('reads JSON at the client: who asked, which service, what kind of call', async () => {
    expect(await read(json)).toMatchObject([
      {
        kind: 'flow',
        flow: {
          atMs: Date.parse(json.start_time),
          source: { kind: 'workload', namespace: 'shop', workload: 'front' },
          destination: { kind: 'workload', namespace: 'shop', workload: 'reviews' },
          destinationPort: 9080,
          seenAt: 'client',
          verdict: 'forwarded',
          l7: { phase: 'exchange', apiClass: 'http-read', method: 'GET', route: '/reviews/{}', status: 'ok' },
          volume: { bytesIn: 379, durationMs: 10 },
        },
      },
    ]);
  });

  it('reads text at the server, and names the client by its address', async () => {
    expect(await read(inbound)).toMatchObject([
      {
        kind: 'flow',
        flow: {
          source: { workload: 'sleep' },
          destination: { workload: 'front' },
          destinationPort: 8000,
          seenAt: 'server',
          l7: { apiClass: 'http-write', route: '/status/{}', status: 'client-error' },
          volume: { bytesOut: 12, bytesIn: 135, durationMs: 3 },
        },
      },
    ]);
  });

  it("reads Envoy's own text and a gateway's common format", async () => {
    const [envoy, common] = await read(
      '[2026-01-02T03:04:05.678Z] "GET /a HTTP/2" 503 UF 0 91 24 - "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e" "api" "10.0.2.1:80"',
      '203.0.113.9 - frank [10/Oct/2026:13:55:36 -0700] "DELETE /cart/12 HTTP/1.0" 204 - "http://x/" "Mozilla"',
    );
    expect(envoy).toMatchObject({ kind: 'flow', flow: { l7: { route: '/a', status: 'server-error' } } });
    expect(common).toMatchObject({
      flow: {
        atMs: Date.parse('2026-10-10T20:55:36Z'),
        source: { kind: 'world' },
        destination: { workload: 'front' },
        l7: { apiClass: 'http-delete', route: '/cart/{}' },
      },
    });
  });

  it('tells gRPC by path and status, refusals by flag, and the outside by its host', async () => {
    const [grpc, refused, outside] = await read(
      { ...json, method: 'POST', protocol: 'HTTP/2', path: '/shop.Cart/Add', grpc_status: 'Unavailable' },
      { ...json, response_code: 429, response_flags: 'RL' },
      { ...json, upstream_cluster: 'outbound|443||api.payments.example' },
    );
    expect(grpc).toMatchObject({ flow: { l7: { apiClass: 'grpc', route: '/shop.Cart/Add', status: 'server-error' } } });
    expect(refused).toMatchObject({ flow: { verdict: 'dropped', l7: { status: 'client-error' } } });
    expect(outside).toMatchObject({ flow: { destination: { kind: 'world' }, destinationPort: 443 } });
  });

  it('knows from the settings whose address calls, where the name of a cluster does not tell', async () => {
    const egress = { ...json, upstream_cluster: 'egress', upstream_host: '203.0.113.66:443' };
    const [own, other] = await read(
      { ...egress, downstream_remote_address: '10.44.1.40:5' },
      { ...egress, downstream_remote_address: '10.44.1.23:5' },
    );
    expect(own).toMatchObject({
      flow: { source: { workload: 'front' }, destination: { workload: '203.0.113.66' }, seenAt: 'client' },
    });
    expect(other).toMatchObject({ kind: 'skipped', reason: 'DIRECTION_UNKNOWN' });
  });

  it('keeps the request for tracks that look into it: who asked for what, and what a gateway found of the token', async () => {
    const [plain, named] = await read(json, {
      ...json,
      upstream_cluster: null,
      downstream_remote_address: '203.0.113.9:4711',
      downstream_service: '-',
      upstream_service: 'gateway',
      auth: 'bearer',
      issuer: 'idp-local',
      subject: '8062635f6b',
      body_fields: 'amount to',
    });
    expect(plain).toMatchObject({
      flow: {
        request: {
          target: '/reviews/7?full=1',
          status: 200,
          requestId: json.request_id,
          source: '10.44.1.30',
          network: '10.44.1',
          subject: '',
        },
      },
    });
    expect(named).toMatchObject({
      kind: 'flow',
      flow: {
        seenAt: 'server',
        destination: { kind: 'workload', namespace: 'shop', workload: 'gateway' },
        request: {
          auth: 'bearer',
          issuer: 'idp-local',
          subject: '8062635f6b',
          source: '203.0.113.9',
          network: '203.0.113',
          fields: ['amount', 'to'],
        },
      },
    });
  });

  it('passes over what it cannot read, and goes on', async () => {
    const items = await read(
      '{"a":',
      'info: proxy started',
      '[x] "GET / HTTP/1.1',
      { ...json, start_time: 'then' },
      '',
      json,
    );
    expect(items.map((item) => (item.kind === 'skipped' ? item.reason : item.kind))).toEqual([
      'NOT_AN_ACCESS_LOG_LINE',
      'NOT_AN_ACCESS_LOG_LINE',
      'NOT_AN_ACCESS_LOG_LINE',
      'BAD_TIME',
      'flow',
    ]);
  });

  it('survives any text, and cuts and repeats of real lines', () => {
    const pieces = fc.array(
      fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('"', '[', ']', '{', '-', ' ', ...inbound.split(' '))),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(pieces, (words) => {
        readAccessLogLine(words.join(' '));
        readAccessLogLine(`[${words.join(' ')}`);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('routeTemplate', () => {
  it.each([
    ['/users/42/orders/7b5ad5ab-2a6b-4f5e-9c53-2b6b7f2f2a11', '/users/{}/orders/{}'],
    ['http://reviews:9080/reviews/0?x=1#y', '/reviews/{}'],
    ['/api/v1/namespaces/shop/pods', '/api/v1/namespaces/shop/pods'],
    ['/apis/apps/v1beta2/x', '/apis/apps/v1beta2/x'],
    ['/static/main.3f2a91bc.js', '/static/{}'],
    ['/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', '/blobs/{}'],
    ['/routes/{routeId}/:stop', '/routes/{}/{}'],
    ['/mail/a@example.org', '/mail/{}'],
    ['/days/2026-01-02', '/days/{}'],
    ['//a///b/', '/a/b'],
    ['/1/2/3/4/5/6/7/8/9/10', '/{}/{}/{}/{}/{}/{}/{}/{}/...'],
    ['https://host', '/'],
    ['', '/'],
  ])('folds %s to %s', (url, template) => {
    expect(routeTemplate(url)).toBe(template);
  });

  it('gives one template for every number, uuid and digest in a place, and never a long one', () => {
    const value = fc.oneof(
      fc.nat().map(String),
      fc.uuid(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 32, maxLength: 40 }),
    );
    fc.assert(
      fc.property(value, (id) => {
        expect(routeTemplate(`/orders/${id}/items`)).toBe('/orders/{}/items');
      }),
    );
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        expect(routeTemplate(url).length).toBeLessThanOrEqual(128);
      }),
    );
  });
});
