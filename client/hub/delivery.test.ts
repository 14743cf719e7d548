import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { DeliverRequest } from '../../proto/generated/testudo/v1/sensors.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
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
  const deliveries = new Deliveries({
    async raise() {
      await written;
      return ok(undefined);
    },
    learn(_, examples) {
      learnt.push(...examples.map(({ count }) => count));
      return ok(undefined);
    },
    flows: (some) => flows.push(...some),
    wantsExamples: () => true,
    wantsFlows: () => false,
  });
  return { deliveries, learnt, flows, sensor: new SensorBook(8).heard('node-a', 0) };
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
  const { deliveries, sensor } = started(Promise.resolve());
  const of = (depth: number) => {
    const detail = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const told = Buffer.from(JSON.stringify(alert).replace('"detail":{}', `"detail":${detail}`));
    return DeliverRequest.fromPartial({ batch: `b-${depth}`, alerts: [{ track: 'syscall', alert: told }] });
  };
  expect(await deliveries.take(sensor, of(30))).toMatchObject({ ok: true });
  for (const depth of [33, 100_000]) {
    expect(await deliveries.take(sensor, of(depth))).toMatchObject({ ok: false, fault: { code: 'REQUEST_INVALID' } });
  }
});

it('refuses an alert whose detail would be another when it is written, and takes the sign off zero', async () => {
  const { deliveries, sensor } = started(Promise.resolve());
  const of = (text: string) => {
    const told = Buffer.from(JSON.stringify({ ...alert, score: 0 }).replace('"detail":{}', `"detail":{"a":[${text}]}`));
    return DeliverRequest.fromPartial({ batch: text, alerts: [{ track: 'syscall', alert: told }] });
  };
  for (const text of ['1e309', '-1e309', '-0']) {
    expect(await deliveries.take(sensor, of(text))).toMatchObject({ ok: false, fault: { code: 'REQUEST_INVALID' } });
  }
  expect(await deliveries.take(sensor, of('1e308'))).toMatchObject({ ok: true });
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
