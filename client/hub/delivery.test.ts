import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { ok, refuse, unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
import { projectPod } from '../kube/pod.ts';
import { PodDirectory } from '../kube/pod-directory.ts';
import { alertIn } from '../scoring/alert.ts';
import { FlowSlicer } from '../tracks/flow/graph/slicer.ts';
import { Deliveries } from './delivery.ts';
import { SensorBook } from './sensor-book.ts';

const alert = {
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

/** A hub's side whose alerts are written when `written` resolves. */
function started(written: Promise<void>) {
  const learnt: number[] = [];
  const flows: ObservedFlow[] = [];
  const raised: string[] = [];
  const refused: string[] = [];
  const pods = new PodDirectory(16, new SimulatedTimers());
  const deliveries = new Deliveries({
    decode(track, example) {
      if (track === ('unknown' as TrackId)) return refuse('TRACK_NOT_FOUND', 'no such track');
      return example[0] === 0 ? refuse('REQUEST_INVALID', 'no example') : ok(example);
    },
    async raise(_, { id }) {
      await written;
      raised.push(id);
    },
    learn(_, examples) {
      learnt.push(...examples.map(({ count }) => count));
      return ok(undefined);
    },
    flows: (some) => flows.push(...some),
    nodeOf: (namespace, pod, atMs) => pods.nodeOf(namespace, pod, atMs),
    refused: (node, what, { code }) => refused.push(`${node} ${what} ${code}`),
    wantsExamples: () => true,
    wantsFlows: () => false,
  });
  return { deliveries, learnt, flows, raised, refused, pods, sensor: new SensorBook(8).heard('node-a', 0) };
}

it('counts a batch once that came again while its alerts were written still', async () => {
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const { deliveries, learnt, sensor } = started(written);
  const example = Buffer.from('normal');
  const content = createHash('sha256').update(example).digest().subarray(0, 16);
  const request = DeliverRequest.fromPartial({
    batch: 'b-1',
    alerts: [{ track: 'syscall', alert: Buffer.from(JSON.stringify(alert)), example: Buffer.from('e') }],
    examples: [{ track: 'syscall', content, example, count: 5n }],
  });
  const both = [deliveries.take(sensor, request), deliveries.take(sensor, request)];
  resolve();
  for (const taken of await Promise.all(both)) unwrap(taken);
  expect(learnt).toEqual([5]);
});

it('refuses a sketch whose model has a name that no model has', async () => {
  const { deliveries, sensor } = started(Promise.resolve());
  const sketches = [{ track: 'syscall', model: 'm'.repeat(257), group: 'nginx', count: 300, usual: 0, level: 1 }];
  const taken = await deliveries.take(sensor, DeliverRequest.fromPartial({ batch: 'b-1', sketches }));
  expect(taken).toMatchObject({ ok: false, fault: { code: 'REQUEST_INVALID' } });
  expect(deliveries.levels.all()).toEqual([]);
});

it('refuses an alert whose detail nests deeper than anybody could write it', async () => {
  const { deliveries, sensor, raised, refused } = started(Promise.resolve());
  const of = (depth: number) => {
    const detail = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const told = Buffer.from(JSON.stringify(alert).replace('"detail":{}', `"detail":${detail}`));
    return DeliverRequest.fromPartial({ batch: `b-${depth}`, alerts: [{ track: 'syscall', alert: told }] });
  };
  for (const depth of [30, 33, 100_000]) unwrap(await deliveries.take(sensor, of(depth)));
  expect(raised).toHaveLength(1);
  expect(refused).toEqual(Array(2).fill('node-a alert REQUEST_INVALID'));
});

it('refuses an alert whose detail would be another when it is written, and takes the sign off zero', async () => {
  const { deliveries, sensor, raised, refused } = started(Promise.resolve());
  const of = (name: string, text: string) => {
    const told = Buffer.from(JSON.stringify({ ...alert, score: 0 }).replace('"detail":{}', `"detail":{"a":[${text}]}`));
    return DeliverRequest.fromPartial({ batch: name, alerts: [{ track: 'syscall', alert: told }] });
  };
  for (const [at, text] of ['1e309', '-1e309', '-0'].entries())
    unwrap(await deliveries.take(sensor, of(`b-${at}`, text)));
  expect(refused).toEqual(Array(3).fill('node-a alert REQUEST_INVALID'));
  expect(raised).toEqual([]);
  unwrap(await deliveries.take(sensor, of('b-4', '1e308')));
  expect(raised).toHaveLength(1);
  const line = JSON.stringify({ ...alert, score: 7 }).replace('"score":7', '"score":-0');
  expect(alertIn(line)?.score).toBe(0);
});

it("lets no sensor set another node's clock: flows are of the node whose sensor told them", async () => {
  const { deliveries, flows, sensor } = started(Promise.resolve());
  const nowMs = Date.parse('2026-11-28T20:00:00Z');
  const end = (workload: string) => ({ kind: 'workload' as const, namespace: 'shop', workload });
  const seen = { source: end('web'), destination: end('db'), sourcePort: 0, destinationPort: 5432, protocol: 'tcp' };
  const flow = { ...seen, seenAt: 'client', verdict: 'forwarded', count: 1, id: '', node: 'node-b', atMs: nowMs };
  const ahead = Buffer.from(JSON.stringify({ ...flow, atMs: nowMs + 1_800_000, id: 'x' }));
  const told = Array.from({ length: 8 }, () => ({ flow: ahead }));
  unwrap(await deliveries.take(sensor, DeliverRequest.fromPartial({ batch: 'b-1', flows: told })));
  expect(flows.map(({ node, id }) => `${node}/${id}`)).toEqual(told.map(() => 'node-a/'));

  const slicer = new FlowSlicer();
  const push = (one: ObservedFlow) => slicer.push(one, nowMs);
  for (const node of ['node-b', 'node-c', 'node-d']) {
    for (let at = 0; at < 8; at++) push({ ...flow, node } as ObservedFlow);
  }
  for (const one of flows) push(one);
  expect(slicer.skews()).toEqual([{ node: 'node-a', skewMs: 1_800_000 }]);
  expect(push(flow as ObservedFlow)).toEqual([]); // Not too late.
});

it('takes the rest of a batch in, and counts what it refuses of it once, however often the batch comes', async () => {
  const { deliveries, learnt, flows, raised, refused, sensor } = started(Promise.resolve());
  const told = (over: object, example = 'e') => ({
    ...{ track: 'syscall', alert: Buffer.from(JSON.stringify({ ...alert, ...over })), example: Buffer.from(example) },
  });
  const normal = (text: string, track = 'syscall') => {
    const example = Buffer.from(text);
    return { track, content: createHash('sha256').update(example).digest().subarray(0, 16), example, count: 5n };
  };
  const end = { kind: 'workload', namespace: 'shop', workload: 'web' };
  const flow = {
    atMs: 1,
    node: '',
    id: '',
    source: end,
    destination: end,
    sourcePort: 0,
    destinationPort: 1,
    protocol: 'tcp',
  };
  const request = DeliverRequest.fromPartial({
    batch: 'b-1',
    alerts: [
      { ...told({ track: 'unknown' }), track: 'unknown' },
      told({}, '\0'),
      told({ id: 'a-0' }),
      told({ id: 'a-00000000000000ff' }),
    ],
    examples: [normal('a', 'unknown'), normal('\0'), normal('b')],
    flows: [
      { flow: Buffer.from('{}') },
      { flow: Buffer.from(JSON.stringify({ ...flow, seenAt: 'client', verdict: 'forwarded', count: 1 })) },
    ],
  });
  for (let time = 0; time < 2; time++) unwrap(await deliveries.take(sensor, request));
  expect({ raised, learnt, flows: flows.length }).toEqual({ raised: ['a-00000000000000ff'], learnt: [5], flows: 1 });
  expect(refused).toEqual([
    'node-a alert TRACK_NOT_FOUND',
    'node-a alert REQUEST_INVALID',
    'node-a alert REQUEST_INVALID',
    'node-a example TRACK_NOT_FOUND',
    'node-a example REQUEST_INVALID',
    'node-a tally REQUEST_INVALID',
  ]);
});

it("raises no alert about a pod of another node: a sensor's own, one that nobody knows, and one that was elsewhere before are raised", async () => {
  const { deliveries, raised, refused, pods, sensor } = started(Promise.resolve());
  const created = Date.parse(alert.at) - 60_000;
  const place = (name: string, nodeName: string, createdMs = created) => {
    const metadata = { uid: name, name, namespace: 'shop', creationTimestamp: new Date(createdMs).toISOString() };
    const pod = projectPod({ metadata, spec: { nodeName } });
    if (pod !== undefined) pods.put(pod);
  };
  place('own-0', 'node-a');
  place('other-0', 'node-b');
  place('unplaced-0', '');
  place('moved-0', 'node-b', created + 120_000); // The alert is of the pod of that name before it.
  // And may be so within the second to which the API server says when a pod began.
  place('just-moved-0', 'node-b', Date.parse(alert.at) - 999);
  place('began-0', 'node-b', Date.parse(alert.at) - 1_000);
  const names = ['own-0', 'other-0', 'unplaced-0', 'moved-0', 'gone-0', 'just-moved-0', 'began-0'];
  const alerts = names.map((pod, at) => {
    const about = { ...alert, id: `a-000000000000000${at}`, subject: { ...alert.subject, pod } };
    return { track: 'syscall', alert: Buffer.from(JSON.stringify(about)), example: Buffer.from('e') };
  });
  unwrap(await deliveries.take(sensor, DeliverRequest.fromPartial({ batch: 'b-1', alerts })));
  expect(raised.map((id) => names[Number(id.at(-1))])).toEqual([
    'own-0',
    'unplaced-0',
    'moved-0',
    'gone-0',
    'just-moved-0',
  ]);
  expect(refused).toEqual(Array(2).fill('node-a alert POD_ELSEWHERE'));
});
