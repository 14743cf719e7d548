import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { itWhere } from '../../../tools/testing/where.ts';
import type { ObservedFlow } from '../../events/flow-record.ts';
import type { FlowItem } from '../../events/source-item.ts';
import type { FilePosition } from '../../recordings/file-follower.ts';
import { type Flow, type GetFlowsRequest, type GetFlowsResponse, ObserverService } from '../wire/generated/hubble.ts';
import { hubbleFile } from './hubble-file.ts';
import { itemOfHubble } from './hubble-flow.ts';
import { readHubbleJson } from './hubble-json.ts';
import { hubbleStream } from './hubble-stream.ts';

let folder: string;
let controller: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-hubble-'));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await rm(folder, { recursive: true, force: true });
});

const time = '2026-01-02T03:04:05.678901234Z';
const web = { identity: 2_001, namespace: 'shop', pod_name: 'web-7d9c5b8f6-x2x4z', labels: ['k8s:app=web'] };
const db = { identity: 2_002, namespace: 'shop', pod_name: 'db-0', workloads: [{ name: 'db', kind: 'StatefulSet' }] };

/** As Cilium 1.17's exporter writes it. */
function line(over: object = {}): { flow: object; node_name: string; time: string } {
  const flow = {
    time,
    uuid: 'c6c4b0a9-3a4c-4c7e-8f5a-000000000001',
    verdict: 'FORWARDED',
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 41_000, destination_port: 5432, flags: { SYN: true } } },
    source: web,
    destination: db,
    Type: 'L3_L4',
    node_name: 'n1',
    is_reply: false,
    traffic_direction: 'EGRESS',
    ...over,
  };
  return { flow, node_name: 'n1', time };
}

function item(over: object = {}): FlowItem {
  const message = readHubbleJson(JSON.stringify(line(over)));
  return typeof message === 'string' ? { kind: 'skipped', reason: message, where: '' } : itemOfHubble(message, 'here');
}
function flow(over: object = {}): ObservedFlow {
  const found = item(over);
  if (found.kind !== 'flow') throw new Error(JSON.stringify(found));
  return found.flow;
}
const told = (found: FlowItem) =>
  found.kind === 'skipped' ? found.reason : found.kind === 'lost' ? `lost ${found.count}` : found.kind;

describe('readHubbleJson', () => {
  it('takes neither a day that there is none of for a time, nor what is no decimal number for a port', () => {
    for (const said of ['2026-02-30T03:04:05Z', 'Jan 2 2026 03:04:05', '2026-01-02T25:04:05Z']) {
      expect(told(item({ time: said }))).toBe('BAD_TIME');
    }
    const ports = (port: unknown) => told(item({ l4: { TCP: { source_port: port, destination_port: 80 } } }));
    expect(['41000', 41_000].map(ports)).toEqual(['flow', 'flow']);
    expect(['0x50', [80], true, '', ' 80'].map(ports)).toEqual(Array.from({ length: 5 }, () => 'BAD_FIELD'));
  });

  it('names both ends by workload, not by pod or address', () => {
    expect(flow()).toEqual({
      atMs: Date.parse(time),
      node: 'n1',
      id: 'c6c4b0a9-3a4c-4c7e-8f5a-000000000001',
      source: { kind: 'workload', namespace: 'shop', workload: 'web' },
      destination: { kind: 'workload', namespace: 'shop', workload: 'db' },
      sourcePort: 41_000,
      destinationPort: 5432,
      protocol: 'tcp',
      isReply: false,
      seenAt: 'client',
      verdict: 'forwarded',
      l7: undefined,
      count: 1,
      volume: undefined,
    });
  });

  it('tells the world, hosts and the control plane from workloads, and pods that Cilium does not manage from the world', () => {
    const kinds = [1, 2, 4, 6, 7, 9, 10, 0].map((identity) => flow({ source: { identity } }).source);
    expect(kinds.map(({ kind, workload }) => `${kind} ${workload}`.trim())).toEqual([
      'host',
      'world',
      'control health',
      'host remote-node',
      'control kube-apiserver',
      'world',
      'world',
      'unknown',
    ]);
    expect(
      flow({ source: { identity: 2, namespace: 'kube-system', pod_name: 'node-local-dns-88zrp' } }).source,
    ).toEqual({
      kind: 'workload',
      namespace: 'kube-system',
      workload: 'node-local-dns',
    });
  });

  it('reads verdicts, directions and IPv6', () => {
    const verdicts = ['FORWARDED', 'DROPPED', 'ERROR', 'AUDIT', 'REDIRECTED', 'TRANSLATED', 'NEW_ONE'];
    expect(verdicts.map((verdict) => flow({ verdict }).verdict)).toEqual([
      'forwarded',
      'dropped',
      'error',
      'audit',
      'forwarded',
      'forwarded',
      'unknown',
    ]);
    expect(flow({ traffic_direction: 'INGRESS' }).seenAt).toBe('server');
    expect(flow({ is_reply: null, reply: true }).isReply).toBe(true);
    expect(flow({ is_reply: undefined }).isReply).toBeUndefined();
    const icmp = flow({
      IP: { source: 'fd00::1', destination: 'fd00::2', ipVersion: 'IPv6' },
      l4: { ICMPv6: { type: 128 } },
    });
    expect([icmp.protocol, icmp.destinationPort]).toEqual(['icmp', 0]);
  });

  it('reads calls without the values in them', () => {
    const http = (type: string, over: object) =>
      flow({ Type: 'L7', l7: { type, http: { method: 'GET', url: 'http://db:80/users/42?token=x', ...over } } }).l7;
    expect(http('REQUEST', {})).toEqual({
      phase: 'request',
      apiClass: 'http-read',
      method: 'GET',
      route: '/users/{}',
      status: 'none',
    });
    expect(http('RESPONSE', { code: 503 })).toMatchObject({ phase: 'response', status: 'server-error' });
    expect(http('REQUEST', { method: 'POST', url: 'http://x/shop.Cart/Add' })).toMatchObject({ apiClass: 'grpc' });
    const dns = { type: 'RESPONSE', dns: { query: 'secret.name.', rcode: 3, qtypes: ['AAAA'] } };
    expect(flow({ Type: 'L7', l7: dns }).l7).toEqual({
      phase: 'response',
      apiClass: 'dns',
      method: '',
      route: 'AAAA',
      status: 'client-error',
    });
  });

  it('keeps the request of an answer for tracks that look into it, from who asked', () => {
    const http = { method: 'GET', url: 'http://db:80/users/42?token=x', code: 200 };
    const asked = { Type: 'L7', l7: { type: 'REQUEST', http } };
    expect(flow(asked).request).toBeUndefined();
    const { request, isReply, source, destination } = flow({
      ...asked,
      l7: { type: 'RESPONSE', http },
      is_reply: true,
    });
    expect([isReply, source.kind, destination.kind]).toEqual([true, 'workload', 'workload']);
    expect(request).toMatchObject({ target: 'http://db:80/users/42?token=x', status: 200, subject: '', requestId: '' });
    expect(request?.source).not.toBe('');
  });

  it('gives what has no uuid an id of its own sighting', () => {
    const without = (over: object) => flow({ uuid: undefined, ...over }).id;
    expect(without({})).toBe(without({}));
    expect(without({})).not.toBe(without({ time: '2026-01-02T03:04:05.678901235Z' }));
    expect(without({})).not.toBe(without({ node_name: 'n2' }));
  });

  it('passes over what says nothing of who talks to whom, each with its reason', () => {
    expect(told(item({ Type: 'SOCK' }))).toBe('IGNORED_EVENT_TYPE');
    expect(told(item({ Type: 'NEW' }))).toBe('UNKNOWN_EVENT_TYPE');
    expect(told(item({ source: undefined, IP: {} }))).toBe('MISSING_ENDPOINT');
    expect(told(item({ time: 'yesterday' }))).toBe('BAD_TIME');
    expect(told(item({ l4: { TCP: { source_port: 70_000 } } }))).toBe('BAD_FIELD');
  });

  it('survives any JSON in any place', () => {
    const places = [
      'time',
      'verdict',
      'IP',
      'l4',
      'source',
      'destination',
      'Type',
      'is_reply',
      'l7',
      'uuid',
      'node_name',
    ];
    const within = [
      'TCP',
      'UDP',
      'http',
      'dns',
      'kafka',
      'type',
      'labels',
      'workloads',
      'identity',
      'pod_name',
      'qtypes',
    ];
    const nested = fc.dictionary(fc.constantFrom(...within), fc.jsonValue({ maxDepth: 2 }));
    const over = fc.dictionary(fc.constantFrom(...places), fc.oneof(fc.jsonValue({ maxDepth: 2 }), nested));
    fc.assert(
      fc.property(over, (any) => {
        for (const record of [line(any), any, { ...line(), ...any }]) {
          const message = readHubbleJson(JSON.stringify(record));
          const found = typeof message === 'string' ? undefined : itemOfHubble(message, '');
          if (found?.kind === 'flow') expect(Number.isFinite(found.flow.atMs)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  itWhere(existsSync('../shared/data/events/hubble.jsonl.gz'))('reads recorded flows of three clusters', () => {
    const lines = gunzipSync(readFileSync('../shared/data/events/hubble.jsonl.gz')).toString().trimEnd().split('\n');
    const items = lines.map((text) => {
      const message = readHubbleJson(text);
      return typeof message === 'string' ? message : told(itemOfHubble(message, ''));
    });
    expect(items.filter((name) => name === 'flow').length).toBe(1_524);
  });
});

describe('hubbleFile', () => {
  const write = (path: string, records: readonly unknown[]) =>
    writeFile(path, records.map((each) => `${typeof each === 'string' ? each : JSON.stringify(each)}\n`).join(''));
  const read = async (path: string, from?: FilePosition) => {
    const items: FlowItem[] = [];
    let cursor = from;
    for await (const batch of hubbleFile(path, { from, follow: false, signal: controller.signal })) {
      items.push(...batch.items);
      cursor = batch.cursor ?? cursor;
    }
    return { items, cursor };
  };

  it('counts what it cannot use, with where it stood, and goes on', async () => {
    const path = join(folder, 'events.log');
    const { flow: bare } = line();
    await write(path, [
      line(),
      '{"flow":{"time"',
      '[1]',
      '',
      { lost_events: { source: 'HUBBLE_RING_BUFFER', num_events_lost: '17' } },
      { node_status: { state_change: 'NODE_UNAVAILABLE', node_names: ['n2'] } },
      { agent_event: { type: 'POLICY_UPDATED' } },
      { future_event: {} },
      bare,
    ]);
    const { items } = await read(path);
    expect(items.map(told)).toEqual([
      'flow',
      'MALFORMED_JSON',
      'NOT_AN_OBJECT',
      'lost 17',
      'NODE_STATUS',
      'IGNORED_EVENT_TYPE',
      'UNKNOWN_EVENT_TYPE',
      'flow',
    ]);
    expect(items[1]).toMatchObject({ where: `${path}:${JSON.stringify(line()).length + 1}` });
  });

  it('goes on behind its cursor, through a rotation', async () => {
    const path = join(folder, 'events.log');
    await write(path, [line(), line({ node_name: 'n2' })]);
    const { cursor } = await read(path);
    await writeFile(path, `${JSON.stringify(line({ node_name: 'n3' }))}\n`, { flag: 'a' });
    await rename(path, join(folder, 'events-2026.log'));
    await write(path, [line({ node_name: 'n4' })]);
    const { items } = await read(path, cursor);
    expect(items.map((found) => (found.kind === 'flow' ? found.flow.node : told(found)))).toEqual(['n3', 'n4']);
  });
});

describe('hubbleStream', () => {
  const seconds = BigInt(Math.floor(Date.parse(time) / 1_000));
  it.each([
    // A node whose clock is ahead sends one, too: our own says that it has not been yet.
    ['right', { nowMs: Number(seconds) * 1_000 + 30_005, since: { seconds: seconds + 30n, nanos: 5_000_000 } }],
    ['behind', { nowMs: Number(seconds) * 1_000 - 60_000, since: { seconds: seconds - 60n, nanos: 0 } }],
    ['far ahead', { nowMs: Number(seconds) * 1_000 + 7_200_000, since: { seconds: seconds + 3_600n, nanos: 0 } }],
  ])(
    'reads GetFlows as it reads the file, and after a break asks for what came since, where our clock is %s',
    async (_, { nowMs, since: asked }) => {
      const requests: GetFlowsRequest[] = [];
      const server = new Server();
      server.addService(ObserverService, {
        getFlows: (call: {
          request: GetFlowsRequest;
          write(message: GetFlowsResponse): void;
          emit(name: 'error', error: Error): void;
        }) => {
          requests.push(call.request);
          const types: GetFlowsResponse['responseTypes'][] = [
            { $case: 'nodeStatus', value: { stateChange: 1, nodeNames: ['n1'], message: '' } },
            { $case: 'lostEvents', value: { source: 3, numEventsLost: 5n } },
            {
              $case: 'flow',
              value: {
                time: { seconds, nanos: 678_901_234 },
                verdict: 1,
                ip: { source: '10.0.0.1', destination: '10.0.0.2' },
                l4: { protocol: { $case: 'tcp', value: { sourcePort: 41_000, destinationPort: 5432 } } },
                source: { ...emptyEnd, identity: 2_001, namespace: 'shop', podName: web.pod_name },
                destination: { ...emptyEnd, identity: 2_002, namespace: 'shop', workloads: [{ name: 'db', kind: '' }] },
                type: 1,
                nodeName: 'n1',
                l7: undefined,
                reply: false,
                trafficDirection: 2,
                isReply: { value: false },
                uuid: 'c6c4b0a9-3a4c-4c7e-8f5a-000000000001',
              },
            },
          ];
          const [, , sound] = types as [unknown, unknown, { $case: 'flow'; value: Flow }];
          const ahead = { seconds: seconds + 3_600n, nanos: 0 };
          types.push({ $case: 'flow', value: { ...sound.value, time: ahead, uuid: 'of a node whose clock is ahead' } });
          for (const responseTypes of types) call.write({ responseTypes, nodeName: 'n1', time: undefined });
          if (requests.length === 1) call.emit('error', new Error('gone'));
        },
      } as never);
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      const breaks: string[] = [];
      const stream = hubbleStream(`127.0.0.1:${port}`, {
        signal: controller.signal,
        reconnect: { firstMs: 1, maxMs: 5 },
        timers: { ...systemTimers, now: () => nowMs },
        unit: () => 0.5,
        onDisconnect: ({ code }) => breaks.push(code),
      });
      const items: FlowItem[] = [];
      for await (const batch of stream) {
        items.push(...batch.items);
        if (items.length === 8) break;
      }
      server.forceShutdown();
      const once = ['NODE_STATUS', 'lost 5', 'flow', 'flow'];
      expect(items.map(told)).toEqual([...once, ...once]);
      expect(items[2]).toEqual({ kind: 'flow', flow: flow() });
      expect(breaks).toEqual(['GRPC_UNKNOWN']);
      expect(requests.map(({ follow, since }) => [follow, since])).toEqual([
        [true, undefined],
        [true, asked],
      ]);
    },
  );
});

describe('hubbleStream, what it reads of a flow', () => {
  it('names identities and reasons as the exporter does', async () => {
    const server = new Server();
    const end = { ...emptyEnd, identity: 2_001, namespace: 'shop', podName: web.pod_name };
    const outside = { ...emptyEnd, identity: 16_777_219, labels: ['cidr:203.0.113.7/32', 'reserved:world'] };
    const common = {
      time: { seconds: 1_772_362_805n, nanos: 0 },
      ip: { source: '10.0.0.1', destination: '203.0.113.7' },
      l4: { protocol: { $case: 'tcp' as const, value: { sourcePort: 41_000, destinationPort: 4444 } } },
      source: { ...end, workloads: [{ name: 'web-7d9c5b8f6', kind: 'ReplicaSet' }] },
      destination: outside,
      type: 0,
      nodeName: 'n1',
      l7: undefined,
      reply: false,
      trafficDirection: 2,
      isReply: { value: false },
      uuid: '',
    };
    server.addService(ObserverService, {
      getFlows: (call: { write(message: GetFlowsResponse): void }) => {
        const flows = [{ verdict: 2, dropReasonDesc: 133 }, { verdict: 2, dropReason: 199 }, { verdict: 5 }];
        for (const over of flows) {
          const value = { ...common, ...over };
          call.write({ responseTypes: { $case: 'flow', value }, nodeName: 'n1', time: undefined });
        }
      },
    } as never);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    const options = {
      signal: controller.signal,
      reconnect: { firstMs: 1, maxMs: 5 },
      timers: systemTimers,
      unit: () => 0.5,
    };
    const items: FlowItem[] = [];
    for await (const batch of hubbleStream(`127.0.0.1:${port}`, { ...options, onDisconnect: () => undefined })) {
      items.push(...batch.items);
      if (items.length === 3) break;
    }
    server.forceShutdown();
    const ends = { source: { workload: 'web' }, destination: { kind: 'world', workload: '' } };
    expect(items).toMatchObject([
      { kind: 'flow', flow: { ...ends, verdict: 'dropped', verdictReason: 'POLICY_DENIED' } },
      { kind: 'flow', flow: { ...ends, verdict: 'dropped', verdictReason: 'DROP_REASON_199' } },
      { kind: 'flow', flow: { ...ends, verdict: 'forwarded', verdictReason: 'REDIRECTED' } },
    ]);
  });
});

const emptyEnd = { identity: 0, namespace: '', labels: [], podName: '', workloads: [] };
