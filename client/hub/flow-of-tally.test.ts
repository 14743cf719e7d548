import { expect, it } from 'vitest';
import type { ApiRequest } from '../events/api-request.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
import { FlowTally } from '../sources/flow/flow-tally.ts';
import { observedFlow } from './flow-of-tally.ts';

it('reads a zero with a sign as the zero that it is written as', () => {
  const text =
    '{"atMs":-0,"node":"n1","id":"a","sourcePort":-0,"destinationPort":2,"protocol":"tcp","isReply":false,"count":1,' +
    '"source":{"kind":"workload","namespace":"shop","workload":"a"},"destination":{"kind":"world","namespace":"",' +
    '"workload":""},"seenAt":"client","verdict":"forwarded"}';
  const read = observedFlow(Buffer.from(text));
  expect([read?.atMs, read?.sourcePort]).toEqual([0, 0]);
  expect(observedFlow(Buffer.from(JSON.stringify(read)))).toEqual(read);
});

it('reads what a sensor counted, whatever the source said of the flows', () => {
  const end = (workload: string) => ({ kind: 'workload', namespace: 'shop', workload }) as const;
  const request: ApiRequest = {
    ...{ target: '/cart?user=7', status: 200, requestId: 'r', version: '1', auth: 'bearer', issuer: 'i', subject: 's' },
    ...{ source: '10.0.0.1', network: '10.0.0.0/24', fields: ['a'], bytesReceived: 1, bytesSent: 2 },
  };
  const l7 = { phase: 'exchange', apiClass: 'http-read', method: 'GET', route: '/cart', status: 'ok' } as const;
  const flow: ObservedFlow = {
    ...{ atMs: 1_000, endMs: 2_000, node: 'n1', id: 'x', source: end('web'), destination: end('cart') },
    ...{ sourcePort: 40_000, destinationPort: 80, protocol: 'tcp', isReply: false, seenAt: 'client' },
    ...{
      verdict: 'dropped',
      verdictReason: 'POLICY_DENIED',
      l7,
      request,
      count: 1,
      volume: undefined,
      label: 'normal',
    },
  };
  const tally = new FlowTally();
  tally.hear([{ kind: 'flow', flow }]);
  const [counted] = tally.take();
  const told = JSON.stringify(counted);
  expect(observedFlow(Buffer.from(told))).toEqual(counted);
  // What stands for many says nothing of one caller.
  expect(told).not.toContain('user=7');
});
