import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { Timers } from '../../base/time.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import { parseClusterId, parseDigest, parseFederationId } from '../../proto/ids.ts';
import type { CountedExample } from '../learning/example-buffer.ts';
import { parseAddress } from '../link/address.ts';
import { connectToHub } from '../releases/grpc/connect-to-hub.ts';
import { ReleaseFiles } from '../releases/release-files.ts';
import { connectToAlerts } from '../response/hearing/alert-calls.ts';
import { HubFollower } from '../response/hearing/hub-follower.ts';
import { sightingOf } from '../response/ladder/sighting.ts';
import { AlertFeed } from '../response/quarantine/alert-feed.ts';
import type { Alert } from '../scoring/alert.ts';
import { HubLink } from '../sensor/hub-link.ts';
import { AlertBook } from './alert-book.ts';
import { openHubAuthority } from './authority.ts';
import { Hub } from './hub.ts';
import { hubConfig } from './hub-config.ts';
import { ReleasesRelay } from './releases/releases-relay.ts';
import { checkedResponses, type ResponseRelay } from './response-relay.ts';

let lines: string[] = [];
const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
const signal = new AbortController().signal;
/** One moment: no line of the log more has room, and nobody's time to come back comes. */
const timers = { ...systemTimers, monotonicMs: () => 0 };
const agentToken = 'a-token-that-hub-and-agent-share-0123456789';
const token = 'a-token-that-hub-and-sensors-share-0123456789';

let folder: string;
let hub: Hub;
let alerts: AlertBook;
let coordinator: ResponseRelay;
let raised: Alert[];
let learnt: CountedExample<Uint8Array>[];
let refused: string[];
const links: HubLink[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-hub-'));
  await writeFile(join(folder, 'token'), `${token}\n`);
  await writeFile(join(folder, 'agent-token'), `${agentToken}\n`);
  [raised, learnt, refused, lines] = [[], [], [], []];
  coordinator = checkedResponses({ who: () => undefined, responses: () => undefined });
  hub = await startHub();
});
afterEach(async () => {
  for (const link of links.splice(0)) link.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

function sharedTokens() {
  return { kind: 'file', path: join(folder, 'token'), agentPath: join(folder, 'agent-token') };
}

async function startHub(ports = { sensors: 0, admission: 0 }, admission: object = sharedTokens()): Promise<Hub> {
  const authority = unwrap(await openHubAuthority(folder, undefined, Buffer.alloc(32, 1), Date.now()));
  alerts = new AlertBook();
  await alerts.load(join(folder, 'alerts.jsonl'), Date.parse('2026-11-28T21:00:00Z'));
  const member = { federation: parseFederationId('herd'), cluster: parseClusterId('north') };
  return await Hub.start({
    config: hubConfig.parse({
      listen: `127.0.0.1:${ports.sensors}`,
      admissionListen: `127.0.0.1:${ports.admission}`,
      admission,
    }),
    authority,
    relay: await ReleasesRelay.open(folder, { now: Date.now, report: () => undefined }),
    alerts,
    coordinator,
    files: new ReleaseFiles(join(folder, 'files')),
    tracks: [],
    who: () => member,
    delivery: {
      decode: (_, example) => ok(example),
      async raise(_, alert) {
        raised.push(alert);
      },
      learn(_, examples) {
        learnt.push(...(examples as CountedExample<Uint8Array>[]));
        return ok(undefined);
      },
      flows: () => undefined,
      nodeOf: () => undefined,
      wantsExamples: () => true,
      wantsFlows: () => false,
    },
    onDelivered: () => undefined,
    onBeat: () => undefined,
    onRefused: (code) => refused.push(code),
    onItemRefused: (what, code) => refused.push(`${what} ${code}`),
    log,
    timers,
  });
}

function linkOf(
  node: string,
  over: Readonly<{ authorityFile?: string; tokenFile?: string }> = {},
  clock: Timers = timers,
): HubLink {
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
    clock,
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

  it('refuses what is too long or lies about a content, and serves the next one', async () => {
    const link = linkOf('node-a');
    const hostile: readonly [object, string][] = [
      [
        {
          examples: [{ track: 'syscall', content: contentOf(Buffer.from('a')), example: Buffer.from('b'), count: 1n }],
        },
        'REQUEST_INVALID',
      ],
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

  it('takes a batch in without the alerts in it that are none, counts each once and writes few lines of them', async () => {
    const link = linkOf('node-a');
    const none = [
      { ...told, alert: Buffer.from('{}') },
      ...Array.from({ length: 29 }, () => ({ ...told, track: 'flow' })),
    ];
    for (let time = 0; time < 2; time++) unwrap(await link.deliver(batch({ alerts: [...none, told] }), signal));
    expect(raised).toMatchObject([{ id: alert.id }]);
    expect(refused).toEqual(none.map(() => 'alert REQUEST_INVALID'));
    expect(lines.filter((line) => line.includes('not taken in'))).toHaveLength(10);
  });

  it('gives a sensor another certificate by the time that has passed, though its clock was set back, and the other way round', async () => {
    const aheadMs = { wall: 0, steady: 0 };
    const now = () => systemTimers.now() + aheadMs.wall;
    const monotonicMs = () => systemTimers.monotonicMs() + aheadMs.steady;
    const link = linkOf('node-a', {}, { ...timers, now, monotonicMs });
    const identity = async () => unwrap(await link.admitted(signal));
    const dayMs = 86_400_000;
    const first = await identity();
    aheadMs.wall = -dayMs;
    expect(await identity()).toBe(first);
    aheadMs.steady = dayMs;
    const second = await identity();
    expect(second).not.toBe(first);
    aheadMs.wall = dayMs; // A node that slept: its steady clock stood still.
    expect(await identity()).not.toBe(second);
  });

  it('writes few lines and keeps few words of a sensor that calls without end', async () => {
    const link = linkOf('node-a');
    for (let at = 0; at < 30; at++) await link.deliver(batch({ batch: '../../etc' }), signal);
    expect(refused).toHaveLength(30);
    const releases = connectToHub(address(hub.ports.sensors), unwrap(await link.admitted(signal)));
    const report = { track: 'syscall', version: 1, outcome: 'refused', faultCode: 'LAYOUT_MISMATCH', pinsVersion: 0 };
    const said = (more: object) =>
      releases.acknowledge({ ...report, manifestDigest: '', atMs: 0, ...more } as never, Buffer.alloc(64), {
        ...{ timeoutMs: 600_000, signal },
      });
    const code = 'REQUEST_INVALID';
    expect(await said({ faultCode: 'A'.repeat(65) })).toMatchObject({ ok: false, fault: { code } });
    expect(await said({ track: 'T'.repeat(1_000_000) })).toMatchObject({ ok: false, fault: { code } });
    expect(hub.book.all()[0]?.releases.size).toBe(0);
    for (let at = 0; at < 30; at++) expect(await said({})).toMatchObject({ ok: true });
    releases.close();
    const linesOf = (text: string) => lines.filter((line) => line.includes(text));
    for (const text of ['a peer was refused', 'a sensor spoke of a release']) expect(linesOf(text)).toHaveLength(10);
    expect(hub.book.all()[0]?.releases.get('syscall')).toMatchObject({ faultCode: 'LAYOUT_MISMATCH' });
  });

  it('takes fifty sensors back that connect at once after it was away, by the certificates that they have', async () => {
    const fifty = Array.from({ length: 50 }, (_, at) => linkOf(`node-${at}`));
    // As sensors do: fifty handshakes at once may take longer than a call may on a machine that has much to do.
    const untilOk = async (link: HubLink, request: DeliverRequest) => {
      while (!(await link.deliver(request, signal)).ok);
    };
    await Promise.all(fifty.map((link) => untilOk(link, batch())));
    const { ports } = hub;
    await hub.close();
    expect(await fifty[0]?.deliver(batch({ batch: 'b-2' }), signal)).toMatchObject({ ok: false });
    hub = await startHub(ports);
    await Promise.all(fifty.map((link, at) => untilOk(link, batch({ batch: `c-${at}`, alerts: [told] }))));
    expect(hub.book.all()).toHaveLength(50);
    expect(raised).toHaveLength(50);
  });
});

const address = (port: number) => unwrap(parseAddress(`127.0.0.1:${port}`));
const another = (at: number, pod = 'web-0'): Alert => ({
  ...alert,
  id: `a-${String(at).padStart(16, '0')}`,
  subject: { ...alert.subject, pod },
});

describe('Hub, for the agent of its cluster', () => {
  const followers: HubFollower[] = [];
  afterEach(async () => {
    await Promise.all(followers.splice(0).map((one) => one.close()));
  });

  /** An agent, what it heard in order, and a promise for each state of its hub. */
  function agent(tokenFile = 'agent-token', cluster = 'north') {
    const heard: string[] = [];
    let states = Promise.withResolvers<string>();
    let news = Promise.withResolvers<void>();
    const follower = new HubFollower(
      {
        address: address(hub.ports.sensors),
        admissionAddress: address(hub.ports.admission),
        authorityFile: join(folder, 'hub', 'authority.pem'),
        tokenFile: join(folder, tokenFile),
        reconnectSecondsMax: 0.05,
      },
      { name: 'agent-0', cluster: parseClusterId(cluster) },
      {
        ...{ timers: systemTimers, unit: () => 0.5, rootVersion: () => 0 },
        onAlerts: (sightings) => {
          heard.push(...sightings.map(({ id }) => id));
          news.resolve();
          news = Promise.withResolvers();
        },
        onSet: async () => undefined,
        onState: (away) => {
          states.resolve(away === null ? 'there' : away.code);
          states = Promise.withResolvers();
        },
      },
    );
    followers.push(follower);
    const until = async (count: number) => {
      while (heard.length < count) await news.promise;
      return heard;
    };
    return { follower, heard, until, state: () => states.promise };
  }

  it('tells each alert once: before it came, while it is there, and after the hub was killed and came back', async () => {
    await hub.close();
    const file = join(folder, 'alerts.jsonl');
    await writeFile(file, `${JSON.stringify(another(1))}\n${JSON.stringify(another(2))}\n`);
    hub = await startHub();
    const { until, state, follower } = agent();
    await until(2);
    alerts.add(another(3));
    alerts.add(another(2));
    // Swapped between two looks: it counts from the first of them on.
    const running = (version: bigint) => [{ track: 'syscall', version, manifest: `sha256:${version}` }];
    for (const [at, version] of [6n, 6n, 7n, 7n].entries()) alerts.runs(running(version), 1_000 + at);
    await until(3);
    const { ports } = hub;
    const away = state();
    await hub.close();
    expect(await away).toMatch(/^GRPC_|ALERTS_ENDED|DRAINING/);
    // Raised while nobody hears, and in the file; the hub that begins anew tells all of it with other numbers.
    await appendFile(file, [3, 4].map((at) => `${JSON.stringify(another(at))}\n`).join(''));
    const back = state();
    hub = await startHub(ports);
    expect(await back).toBe('there');
    alerts.add(another(5));
    // Numbers of another run mean nothing: all of it comes once more, and ids say what is known.
    const heard = await until(8);
    expect(heard).toEqual([1, 2, 3, 1, 2, 3, 4, 5].map((at) => another(at).id));
    expect(follower.running).toEqual([{ track: 'syscall', version: 7, sinceMs: 1_001 }]);
    // 6 had ended before anybody heard.
    expect([6, 7, 8].map((version) => follower.manifestOf('syscall', version))).toEqual([null, 'sha256:7', null]);
    const feed = new AlertFeed([], { timers: systemTimers, signal, onAlerts: () => undefined });
    feed.hear(heard.map((id) => sightingOf({ ...alert, id })));
    feed.hear(heard.map((id) => sightingOf({ ...alert, id })));
    expect(feed.sightings).toHaveLength(5);
  });

  it('goes on from the last number after a cut of the same run', async () => {
    for (const at of [1, 2, 3]) alerts.add(another(at));
    const first = agent();
    await first.until(3);
    const identity = unwrap(await linkOf('agent-0', { tokenFile: join(folder, 'agent-token') }).admitted(signal));
    const connection = connectToAlerts(address(hub.ports.sensors), identity);
    const told: string[] = [];
    const cut = new AbortController();
    await connection.watch(
      { run: alerts.run, after: 2n },
      {
        signal: cut.signal,
        onMessage: (message) => {
          told.push(...message.alerts.map(({ id }) => id));
          if (message.caughtUp) cut.abort();
        },
      },
    );
    connection.close();
    expect(told).toEqual([another(3).id]);
  });

  it('keeps services apart: a sensor hears of no alert, an agent tells of none and fetches no model', async () => {
    const sensor = unwrap(await linkOf('node-a').admitted(signal));
    const watching = connectToAlerts(address(hub.ports.sensors), sensor);
    const onMessage = () => expect.unreachable('an alert was told to a sensor');
    expect(await watching.watch({ run: '', after: 0n }, { signal, onMessage })).toMatchObject({
      code: 'ROLE_INSUFFICIENT',
    });
    watching.close();
    const link = linkOf('agent-0', { tokenFile: join(folder, 'agent-token') });
    expect(await link.deliver(batch({ alerts: [told] }), signal)).toMatchObject({
      fault: { code: 'ROLE_INSUFFICIENT' },
    });
    const releases = connectToHub(address(hub.ports.sensors), unwrap(await link.admitted(signal)));
    const pieces = releases.fetch({ digest: parseDigest(`sha256:${'0'.repeat(64)}`), offset: 0n });
    await expect(Array.fromAsync(pieces)).rejects.toThrow('ROLE_INSUFFICIENT');
    releases.close();
    expect([raised, hub.book.all(), refused]).toEqual([[], [], Array(3).fill('ROLE_INSUFFICIENT')]);
  });

  it('is not heard where it is of another cluster than the agent is told', async () => {
    const { state } = agent('agent-token', 'south');
    expect(await state()).toBe('CLUSTER_MISMATCH');
  });

  it('asks the API server sixty times at once for one address, and says then when to come back', async () => {
    let asked = 0;
    const apiServer = createServer((socket) => {
      asked += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void apiServer.close());
    await once(apiServer, 'listening');
    await hub.close();
    const { port } = apiServer.address() as AddressInfo;
    const files = { tokenFile: join(folder, 'token'), authorityFile: join(folder, 'hub', 'authority.pem') };
    const by = { kind: 'tokenReview', serviceAccount: 'testudo/sensor', apiServer: `127.0.0.1:${port}`, ...files };
    hub = await startHub({ sensors: 0, admission: 0 }, by);
    const link = linkOf('node-a');
    for (let time = 0; time < 60; time++) {
      expect(await link.admitted(signal)).toMatchObject({ ok: false, fault: { code: 'GRPC_UNAVAILABLE' } });
    }
    const tooMany = { ok: false, fault: { code: 'RATE_LIMITED', fields: { retryAfterMs: 500 } } };
    // It keeps away for as long: the hub hears of the first alone.
    expect([await link.admitted(signal), await link.admitted(signal)]).toMatchObject([tooMany, tooMany]);
    expect(asked).toBe(60);
    expect(refused).toEqual([...Array(60).fill('REVIEW_FAILED'), 'RATE_LIMITED']);
  });
});
