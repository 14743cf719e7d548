import { expect, it } from 'vitest';
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
