import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlow } from '../../../events/flow-record.ts';
import { httpCall } from '../../../recordings/api-call.ts';
import { ApiIntake } from './api-intake.ts';
import { RecentActivity } from './recent-activity.ts';
import { RouteBook } from './route-book.ts';
import { readTarget } from './target.ts';
import { shapeOfValue } from './value-shape.ts';

const hash = (text: string) => text.length;

describe('readTarget', () => {
  it('folds ids, uuids, dates and addresses of people, and keeps dots and doubled slashes', () => {
    const routeOf = (target: string) => readTarget(target, hash).route;
    expect(routeOf('/users/42/orders/3f2a91bc-1111-2222-3333-444455556666?x=1')).toBe('/users/{}/orders/{}');
    expect(routeOf('/days/2026-11-02/of/ann%40example.org')).toBe('/days/{}/of/{}');
    expect(routeOf('https://shop.example/v1/items')).toBe('/v1/items');
    expect(routeOf('/media/../..//etc/passwd')).toBe('/media/../..//etc/passwd');
    expect(routeOf(`/${'a/'.repeat(40)}`)).toMatch(/^(?:\/a){12}(?:\/\.\.\.){1,2}$/);
  });

  it('takes no address that a query names for its own', () => {
    expect(readTarget('/a?u=b://evil/x', hash).route).toBe('/a');
    expect(readTarget('http://shop.example/v1?next=http://evil/x', hash).route).toBe('/v1');
  });

  it('takes what stands without a value, or is as long or numbered as a value, for no name', () => {
    const namesOf = (query: string) => readTarget(`/files?${query}`, hash).values.map(([name]) => name);
    expect(namesOf('wsdl&sort_by=name&ids[3]=1')).toEqual(['/', 'wsdl', 'sort_by', 'ids[3]']);
    expect(namesOf('Qm9iIHBhc3N3b3JkIGlzx')).toEqual(['/', '?']);
    expect(namesOf('ZWFzeSB0byBndWVzcyBidXQgbm90IHRvIHNwZWxs==')).toEqual(['/', '?']);
    expect(namesOf('id4711=x')).toEqual(['/', '?']);
  });

  it('keeps shapes of values, and no value', () => {
    const { values } = readTarget('/items/4711?q=O%27Brien+42&<b>=1', hash);
    expect(values).toEqual([
      ['/', '4/a/9'],
      ['#1', '39'],
      ['q', "4A'Aa 9"],
      ['?', '3<a>=9'],
    ]);
  });
});

it('shapeOfValue holds no letter or digit of the value, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (value) => {
      expect(shapeOfValue(value).slice(1)).not.toMatch(/[b-tv-zB-Z0-8]/);
      expect(shapeOfValue(value).length).toBeLessThanOrEqual(129);
    }),
  );
  expect(shapeOfValue('%252e%252e%252fetc')).toBe('5../a');
});

describe('RouteBook', () => {
  it('does not take the places of a service for names because somebody looks for others that are not there', () => {
    const book = new RouteBook();
    for (const route of ['/api/orders', '/login']) book.learn({ server: 'shop', route, status: 200 });
    for (let n = 0; n < 100; n++) book.learn({ server: 'shop', route: `/old-page-${n}.php`, status: 404 });
    expect(book.templateOf('shop', '/api/orders')).toBe('/api/orders');
    expect(book.templateOf('shop', '/login')).toBe('/login');
  });

  it('takes a segment for a name once many words were seen there, and words elsewhere for places', () => {
    const book = new RouteBook();
    const learn = (route: string) => book.learn({ server: 'blog', route, status: 200 });
    for (let n = 0; n < 40; n++) learn(`/posts/a-story-of-${String.fromCharCode(97 + (n % 26))}${n}/comments`);
    learn('/feed');
    expect(book.templateOf('blog', '/posts/never-seen/comments')).toBe('/posts/{}/comments');
    expect(book.templateOf('blog', '/posts/never-seen/secrets')).toBe('/posts/{}/secrets');
    expect(book.templateOf('blog', '/posts/../etc')).toBe('/posts/../etc');
    expect(book.templateOf('blog', '/feed')).toBe('/feed');
    expect(book.templateOf('nobody', '/feed')).toBe('/feed');
  });
});

it('RecentActivity counts nothing for long that a clock a day ahead and more had written', () => {
  const recent = new RecentActivity();
  const failed = (atS: number) =>
    recent.add({ atS, source: 's', network: '', subject: '', route: 'r', isFailure: true, objects: [] }).routeFailures;
  expect([failed(1_000), failed(1_001)]).toEqual([1, 2]);
  expect(failed(1_002 + 400 * 86_400)).toBe(1);
  expect([2_000, 2_001, 4_000, 8_000].map(failed)).toEqual([1, 2, 1, 1]);
});

function flow(atMs: number, requestId: string, from: string, to: string, target = '/orders/7'): ObservedFlow {
  const end = (workload: string) =>
    ({ kind: workload === '' ? 'world' : 'workload', namespace: '', workload }) as const;
  const request = { target, status: 200, requestId, version: '', auth: 'bearer', issuer: 'idp', subject: 's' };
  const rest = { source: `at ${from}`, network: '', fields: undefined, bytesReceived: 0, bytesSent: 10 };
  return {
    atMs,
    node: '',
    id: '',
    source: end(from),
    destination: end(to),
    sourcePort: 0,
    destinationPort: 80,
    protocol: 'tcp',
    isReply: false,
    seenAt: 'server',
    verdict: 'forwarded',
    l7: httpCall('exchange', 'GET', target, 200),
    request: { ...request, ...rest },
    count: 1,
    volume: undefined,
  };
}

describe('ApiIntake', () => {
  const intake = () => new ApiIntake({ salt: new Uint8Array(32) });
  const item = (one: ObservedFlow) => ({ kind: 'flow', flow: one }) as const;

  it('puts together what several proxies wrote of one chain, whichever came first, once it is quiet', () => {
    const all = intake();
    const [gateway, orders] = [all.from({ recorded: false }), all.from({ recorded: false })];
    expect(orders.push(item(flow(1_020, 'r1', 'gateway', 'orders')), 7, 100)).toEqual([]);
    expect(gateway.push(item(flow(1_000, 'r1', '', 'gateway')), 3, 200)).toEqual([]);
    expect([orders.oldest(), gateway.oldest()]).toEqual([7, 3]);
    expect(gateway.expire(5_100)).toEqual([]);
    const [chain] = gateway.expire(5_200);
    expect(chain?.example.calls.map(({ server, parent }) => [server, parent])).toEqual([
      ['gateway', -1],
      ['orders', 0],
    ]);
    expect([orders.oldest(), gateway.oldest()]).toEqual([undefined, undefined]);
    expect(orders.flush()).toEqual([]);
  });

  it('cuts no chain in two where the source of its other half ends', () => {
    const all = intake();
    const [gateway, orders] = [all.from({ recorded: false }), all.from({ recorded: false })];
    gateway.push(item(flow(900, 'r0', '', 'gateway')), 2, 50);
    orders.push(item(flow(1_000, 'r1', '', 'gateway')), 3, 100);
    expect(orders.flush()).toEqual([]);
    expect(gateway.push(item(flow(1_020, 'r1', 'gateway', 'orders')), 7, 200)).toEqual([]);
    expect(gateway.flush().map(({ example }) => example.calls.length)).toEqual([1, 2]);
  });

  it('says of a caller that was not called itself that it came from nowhere', () => {
    const source = intake().from({ recorded: true });
    source.push(item(flow(1_000, 'r2', 'cart', 'payments')), 1, 0);
    expect(source.flush()[0]?.example.calls[0]?.parent).toBe(-2);
  });

  it('takes a line of the caller’s proxy for the same call as the server’s', () => {
    const source = intake().from({ recorded: true });
    source.push(item({ ...flow(999, 'r3', 'gateway', 'orders'), seenAt: 'client' }), 1, 0);
    source.push(item(flow(1_000, 'r3', 'gateway', 'orders')), 2, 0);
    expect(source.flush()[0]?.example.calls).toHaveLength(1);
  });

  it('holds no more open chains than it says, whoever invents ids', () => {
    const source = intake().from({ recorded: false });
    let closed = 0;
    for (let n = 0; n < 10_050; n++) closed += source.push(item(flow(n, `id ${n}`, '', 'gateway')), n, 0).length;
    expect(closed).toBe(50);
    expect(source.oldest()).toBe(50);
    expect(source.flush()).toHaveLength(10_000);
  });
});
