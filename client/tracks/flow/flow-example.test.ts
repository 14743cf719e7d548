import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { windowCodec } from './flow-example.ts';
import { sampleCalls, windowOf } from './testing/sample-windows.ts';

it('reads a port, a count and moments of -0 as 0, which is what they are once they are written again', () => {
  const bytes = Buffer.from(windowCodec.encode(windowOf(sampleCalls(1))));
  const length = bytes.readUInt32LE(0);
  const { nodes, edges } = JSON.parse(bytes.subarray(4, 4 + length).toString('utf8'));
  const [[protocol], ...others] = edges;
  const given = [`["${protocol}",-0,-0,-0,-0]`, ...others.map((edge: unknown) => JSON.stringify(edge))];
  const text = Buffer.from(`{"nodes":${JSON.stringify(nodes)},"edges":[${given}]}`);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(text.length);
  const read = unwrap(windowCodec.decode(Buffer.concat([head, text, bytes.subarray(4 + length)])));
  const nothing = { port: 0, count: 0, firstMs: 0, lastMs: 0 };
  expect(read.names.edges[0]).toEqual({ protocol, ...nothing, routes: [], labels: [] });
  expect(unwrap(windowCodec.decode(windowCodec.encode(read)))).toEqual(read);
});
