import { describe, expect, it } from 'vitest';
import { foldedPort, type ObservedFlow } from '../../events/flow-record.ts';
import { FlowTally } from './flow-tally.ts';

const end = (workload: string) => ({ kind: 'workload', namespace: 'shop', workload }) as const;
const volume = { bytesOut: 10, bytesIn: 20, packetsOut: 1, packetsIn: 2, durationMs: 5 };

function flow(over: Partial<ObservedFlow> = {}): ObservedFlow {
  return {
    atMs: 1_000,
    node: 'n1',
    id: '',
    source: end('cart'),
    destination: end('db'),
    sourcePort: 40_000,
    destinationPort: 5_432,
    protocol: 'tcp',
    isReply: false,
    seenAt: 'client',
    verdict: 'forwarded',
    l7: undefined,
    count: 1,
    volume,
    ...over,
  };
}
const hear = (tally: FlowTally, ...flows: ObservedFlow[]) =>
  tally.hear(flows.map((one) => ({ kind: 'flow', flow: one })));

describe('FlowTally', () => {
  it('counts flows of one kind as one, whatever port they were given, and keeps others apart', () => {
    const tally = new FlowTally();
    const calls = [1, 2, 3].map((at) => flow({ atMs: 1_000 + at, sourcePort: 40_000 + at }));
    hear(tally, ...calls, flow({ verdict: 'dropped' }), flow({ destinationPort: 80 }));
    const reply = {
      source: end('db'),
      destination: end('cart'),
      sourcePort: 5_432,
      destinationPort: 40_001,
      isReply: true,
    };
    hear(tally, flow(reply), flow({ ...reply, destinationPort: 40_002 }));
    const [first, ...rest] = tally.take();
    expect(first).toEqual({
      ...flow({ atMs: 1_001, sourcePort: foldedPort, count: 3 }),
      volume: { bytesOut: 30, bytesIn: 60, packetsOut: 3, packetsIn: 6, durationMs: 15 },
    });
    expect(rest.map(({ count }) => count)).toEqual([1, 1, 2]);
    expect(rest.at(-1)).toMatchObject({ sourcePort: 5_432, destinationPort: foldedPort });
    expect(tally.take()).toEqual([]);
  });

  it('folds no port where nobody knows who asked', () => {
    const tally = new FlowTally();
    hear(tally, flow({ isReply: undefined }), flow({ isReply: undefined, sourcePort: 40_001 }));
    expect(tally.take().map(({ sourcePort }) => sourcePort)).toEqual([40_000, 40_001]);
  });

  it('counts what a source says twice once, also when it was taken meanwhile', () => {
    const tally = new FlowTally();
    hear(tally, flow({ id: 'a' }), flow({ id: 'a' }), flow({ id: 'b' }));
    expect(tally.take()).toMatchObject([{ count: 2, id: '' }]);
    hear(tally, flow({ id: 'b' }), flow({ id: 'b', node: 'n2' }));
    expect(tally.take()).toMatchObject([{ count: 1, node: 'n2' }]);
  });

  it('holds so many kinds of flow, and counts the rest as lost', () => {
    const tally = new FlowTally({ keysMax: 2 });
    hear(
      tally,
      ...[1, 2, 3].map((port) => flow({ destinationPort: port, count: 4 })),
      flow({ destinationPort: 1, count: 4 }),
    );
    expect(tally.take().map(({ count }) => count)).toEqual([8, 4]);
    expect(tally.lost).toBe(4);
  });
});
