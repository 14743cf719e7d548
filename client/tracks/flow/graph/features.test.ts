import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { edgeFeatureNames, nodeFeatureNames } from './feature-names.ts';
import { withoutEdges } from './features.ts';
import type { Slice } from './slice.ts';
import { decodeSlice, encodeSlice } from './slice-codec.ts';
import { FlowSlicer } from './slicer.ts';
import { anyFlow } from './testing/any-flow.ts';

const options = { intervalMs: 1_000, windowIntervals: 20, latenessMs: 20_000, partialWindows: true };

function sliceOf(flows: Parameters<FlowSlicer['push']>[0][]): Slice {
  const slicer = new FlowSlicer(options);
  const events = [...flows.flatMap((flow) => slicer.push(flow)), ...slicer.flush()];
  const found = events.findLast((event) => event.kind === 'slice');
  if (found?.kind !== 'slice') throw new Error('no slice');
  return found.slice;
}
const someFlows = fc.array(anyFlow, { minLength: 1, maxLength: 40 });

describe('features', () => {
  it('have a column for each name, once', () => {
    for (const names of [nodeFeatureNames, edgeFeatureNames]) expect(new Set(names).size).toBe(names.length);
  });

  it('are finite and between 0 and 3 whatever the flows', () => {
    fc.assert(
      fc.property(someFlows, (flows) => {
        const { nodeFeatures, edgeFeatures } = sliceOf(flows);
        for (const value of [...nodeFeatures, ...edgeFeatures]) expect(value >= 0 && value <= 3).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('withoutEdges', () => {
  it('changes nothing where nothing is hidden', () => {
    fc.assert(
      fc.property(someFlows, (flows) => {
        const slice = sliceOf(flows);
        expect(withoutEdges(slice, new Uint8Array(slice.edgeCount))).toEqual(slice);
      }),
      { numRuns: 100 },
    );
  });

  it('leaves the same features as if the hidden edges had never been', () => {
    fc.assert(
      fc.property(someFlows, fc.constantFrom(80, 22, 5432), (flows, port) => {
        // A flow that stays keeps every node in the graph: hiding an edge leaves its ends.
        const names = ['a', 'b', 'c', 'd'];
        const ring = names.map((name, index) => ({
          ...(flows[0] as (typeof flows)[number]),
          isReply: false,
          source: { kind: 'workload' as const, namespace: 'shop', workload: name },
          destination: { kind: 'workload' as const, namespace: 'shop', workload: names[(index + 1) % 4] as string },
          destinationPort: 9999,
        }));
        const all = sliceOf([...ring, ...flows]);
        const isHidden = (served: number, asked: number, reply: boolean) => (reply ? served : asked) === port;
        const rest = sliceOf([
          ...ring,
          ...flows.filter(
            ({ sourcePort, destinationPort, isReply }) => !isHidden(sourcePort, destinationPort, isReply === true),
          ),
        ]);
        const column = edgeFeatureNames.indexOf(
          port === 80 ? 'port:web' : port === 22 ? 'port:remote-shell' : 'port:relational-store',
        );
        const hidden = Uint8Array.from(
          { length: all.edgeCount },
          (_, row) => all.edgeFeatures[row * edgeFeatureNames.length + column] as number,
        );
        const found = withoutEdges(all, hidden);
        expect(found.nodeFeatures).toEqual(rest.nodeFeatures);
        expect(found.edgeFeatures).toEqual(rest.edgeFeatures);
        expect([...found.clients]).toEqual([...rest.clients]);
      }),
      { numRuns: 100 },
    );
  });
});

describe('encodeSlice', () => {
  it('is read back equal', () => {
    fc.assert(
      fc.property(someFlows, (flows) => {
        const slice = sliceOf(flows);
        expect(decodeSlice(encodeSlice(slice))).toEqual({ ok: true, value: slice });
        // In the middle of another's memory, as what is read from a database may be.
        const pooled = Buffer.concat([Buffer.alloc(3, 255), encodeSlice(slice)]).subarray(3);
        expect(decodeSlice(pooled)).toEqual({ ok: true, value: slice });
      }),
      { numRuns: 50 },
    );
  });

  it('is refused when damaged', () => {
    const bytes = encodeSlice(sliceOf([fc.sample(anyFlow, { numRuns: 1, seed: 1 })[0] as never]));
    const damaged = bytes.slice();
    damaged[0] = 0;
    const astray = bytes.slice();
    const view = new DataView(astray.buffer);
    view.setUint32(40 + 4 * nodeFeatureNames.length * view.getUint32(4, true), 77, true);
    for (const wrong of [damaged, astray, bytes.slice(0, -1), bytes.slice(0, 10)]) {
      expect(decodeSlice(wrong)).toMatchObject({ ok: false, fault: { code: 'SLICE_UNREADABLE' } });
    }
  });
});
