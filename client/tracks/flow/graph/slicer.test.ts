import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldedPort, manyPorts, type ObservedFlow } from '../../../events/flow-record.ts';
import { edgeFeatureNames, nodeFeatureNames } from './feature-names.ts';
import type { NamedSlice, SignalsOf } from './slice.ts';
import { FlowSlicer, type SlicerEvent, type SlicerOptions } from './slicer.ts';
import { anyFlow, plainFlow, pod } from './testing/any-flow.ts';

const flow = (over: Partial<ObservedFlow>): ObservedFlow => ({ ...plainFlow, ...over });
const second: Partial<SlicerOptions> = {
  intervalMs: 1_000,
  windowIntervals: 3,
  latenessMs: 1_000,
  partialWindows: true,
};

function run(flows: readonly ObservedFlow[], options = second, signalsOf?: SignalsOf): SlicerEvent[] {
  const slicer = new FlowSlicer(options, signalsOf);
  return [...flows.flatMap((each) => slicer.push(each)), ...slicer.flush()];
}
const slicesOf = (events: readonly SlicerEvent[]): NamedSlice[] =>
  events.flatMap((event) => (event.kind === 'slice' ? [{ slice: event.slice, names: event.names }] : []));
const last = (flows: readonly ObservedFlow[], options = second, signalsOf?: SignalsOf): NamedSlice =>
  slicesOf(run(flows, options, signalsOf)).at(-1) as NamedSlice;
const edgeValue = ({ slice }: NamedSlice, row: number, name: string) =>
  slice.edgeFeatures[row * edgeFeatureNames.length + edgeFeatureNames.indexOf(name)];
const nodeValue = ({ slice, names }: NamedSlice, workload: string, name: string) =>
  slice.nodeFeatures[
    names.nodes.findIndex((end) => end.workload === workload) * nodeFeatureNames.length + nodeFeatureNames.indexOf(name)
  ];
const logOf = (amount: number) => Math.fround(Math.log1p(amount) / 10);

describe('FlowSlicer', () => {
  it('counts flows by client, server, protocol and served port', () => {
    const named = last([
      flow({}),
      flow({ atMs: 1 }),
      flow({ destinationPort: 22 }),
      flow({ protocol: 'udp' }),
      flow({ source: pod('api') }),
    ]);
    expect(named.names.nodes.map(({ workload }) => workload)).toEqual(['api', 'db', 'web']);
    expect([...named.slice.clients]).toEqual([0, 2, 2, 2]);
    expect([...named.slice.servers]).toEqual([1, 1, 1, 1]);
    expect(named.names.edges.map(({ port, protocol, count }) => [port, protocol, count])).toEqual([
      [5432, 'tcp', 1],
      [22, 'tcp', 1],
      [5432, 'tcp', 2],
      [5432, 'udp', 1],
    ]);
    expect(nodeValue(named, 'db', 'as-server:log-peers')).toBe(logOf(2));
    expect(nodeValue(named, 'web', 'as-client:log-edges')).toBe(logOf(3));
    expect(nodeValue(named, 'web', 'as-client:port-remote-shell')).toBeCloseTo(1 / 3);
    expect(nodeValue(named, 'web', 'as-server:log-peers')).toBe(0);
  });

  it('takes a reply, and a second sighting at the other end, for the same flow', () => {
    const reply = {
      source: pod('db'),
      destination: pod('web'),
      sourcePort: 5432,
      destinationPort: 40_000,
      isReply: true,
    };
    const named = last([flow({}), flow({ seenAt: 'server' }), flow(reply), flow({ ...reply, isReply: undefined })]);
    expect(named.slice.edgeCount).toBe(1);
    expect(named.names.edges[0]).toMatchObject({ port: 5432, count: 2 });
    expect(edgeValue(named, 0, 'answered')).toBe(1);
  });

  it('folds ports that are given out for one connection', () => {
    const named = last([33_000, 45_000, 60_999].map((destinationPort) => flow({ destinationPort })));
    expect(named.names.edges).toMatchObject([{ port: foldedPort, count: 3 }]);
    expect(edgeValue(named, 0, 'port:per-connection')).toBe(1);
  });

  it('folds a scan of every port into one edge, and says how many ports it was', () => {
    const flows = Array.from({ length: 65_535 }, (_, port) =>
      flow({ atMs: port % 900, destinationPort: port + 1, verdict: 'dropped' }),
    );
    const slicer = new FlowSlicer(second);
    const events = flows.flatMap((each) => slicer.push(each));
    expect(slicer.edgeCount).toBe(33);
    events.push(...slicer.flush());
    expect(events.filter(({ kind }) => kind === 'scan')).toEqual([
      { kind: 'scan', client: pod('web'), server: pod('db'), ports: 65_535, startMs: 0, endMs: 1_000 },
    ]);
    const named = slicesOf(events)[0] as NamedSlice;
    const many = named.names.edges.findIndex(({ port }) => port === manyPorts);
    expect(named.names.edges[many]?.count).toBe(65_535 - 32);
    expect(edgeValue(named, many, 'port:many')).toBe(1);
    expect(edgeValue(named, many, 'refused-share')).toBe(1);
  });

  it('stays within its bounds whatever comes, and says what it folded', () => {
    const flows = Array.from({ length: 20_000 }, (_, i) =>
      flow({ source: pod(`a${i % 300}`), destination: pod(`b${i}`), destinationPort: 1 + (i % 7) }),
    );
    const slicer = new FlowSlicer({ ...second, nodesMax: 500, edgesMax: 400 });
    const events = flows.flatMap((each) => slicer.push(each));
    expect(slicer.nodeCount).toBeLessThanOrEqual(501);
    expect(slicer.edgeCount).toBeLessThanOrEqual(400 + 4 * 501);
    events.push(...slicer.flush());
    const folded = events.flatMap((event) => (event.kind === 'folded' ? [event.what] : []));
    expect(folded.sort()).toEqual(['edges', 'workloads']);
    const [named] = slicesOf(events) as [NamedSlice];
    expect(named.names.edges.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
  });

  it('folds a workload that asks itself where there is no room for more edges', () => {
    const own = Array.from({ length: 5 }, (_, i) => flow({ source: pod(`w${i}`), destination: pod(`w${i}`) }));
    const named = last(own, { ...second, edgesMax: 2 });
    const ends = (edge: number) =>
      [named.slice.clients, named.slice.servers].map((rows) => named.names.nodes[rows[edge] as number]);
    const asked = named.names.edges.map((_, edge) => ends(edge).map((end) => end?.workload || end?.kind));
    expect(asked.sort()).toEqual([
      ['w0', 'w0'],
      ['w1', 'w1'],
      ['w2', 'folded'],
      ['w3', 'folded'],
      ['w4', 'folded'],
    ]);
  });

  it('forgets edges and workloads with the last interval that had them', () => {
    const slicer = new FlowSlicer(second);
    for (let i = 0; i < 5_000; i++) slicer.push(flow({ atMs: i * 100, source: pod(`w${i}`) }));
    // Three intervals of the window and what is open behind them, ten workloads in each.
    expect(slicer.edgeCount).toBeLessThanOrEqual(60);
    expect(slicer.nodeCount).toBeLessThanOrEqual(61);
  });

  it('gives the window that slides, and only full ones unless asked', () => {
    const flows = [0, 1_000, 2_000, 3_000, 4_000, 5_000].map((atMs) => flow({ atMs }));
    const spans = (options: Partial<SlicerOptions>) =>
      slicesOf(run(flows, options)).map(({ slice, names }) => [slice.startMs, slice.endMs, names.edges[0]?.count]);
    expect(spans({ ...second, partialWindows: false })).toEqual([
      // The first interval may have begun before the first flow was seen.
      [1_000, 4_000, 3],
      [2_000, 5_000, 3],
      [3_000, 6_000, 3],
    ]);
    expect(spans(second).slice(0, 2)).toEqual([
      [-2_000, 1_000, 1],
      [-1_000, 2_000, 2],
    ]);
  });

  it('counts flows out of order within the lateness, and passes over those beyond it', () => {
    const events = run([0, 2_500, 1_600, 900, 2_600].map((atMs) => flow({ atMs })));
    expect(events.flatMap((event) => (event.kind === 'skipped' ? [event] : []))).toEqual([
      { kind: 'skipped', reason: 'TOO_LATE', count: 1 },
    ]);
    expect(slicesOf(events).at(-1)?.names.edges[0]?.count).toBe(4);
  });

  it('leaves out what it has seen before', () => {
    const events = run([flow({ id: 'a' }), flow({ id: 'b' }), flow({ id: 'a' })]);
    expect(events[0]).toEqual({ kind: 'skipped', reason: 'REPEATED', count: 1 });
    expect(slicesOf(events)[0]?.names.edges[0]?.count).toBe(2);
  });

  it('does not let one wrong clock close the intervals of all', () => {
    const day = 86_400_000;
    const events = run([flow({}), flow({ atMs: day }), flow({ atMs: 100 }), flow({ atMs: 200 })]);
    expect(events[0]).toEqual({ kind: 'skipped', reason: 'CLOCK_JUMP', count: 1 });
    expect(slicesOf(events)[0]?.names.edges[0]?.count).toBe(3);
  });

  it('follows a jump that the next flows confirm, forwards and back', () => {
    const day = 86_400_000;
    const times = [0, 1, 2, day, day + 1, day + 2, 5, 6, 7];
    const slices = slicesOf(run(times.map((atMs) => flow({ atMs }))));
    const full = slices.filter(({ names }) => names.edges[0]?.count === 3).map(({ slice }) => slice.endMs);
    expect(full.filter((endMs, index) => full.indexOf(endMs) === index)).toEqual([1_000, 2_000, 3_000, day + 1_000]);
    expect(slices.at(-1)?.names.edges[0]).toMatchObject({ count: 3, firstMs: 5, lastMs: 7 });
  });

  it('puts a node right whose clock is off', () => {
    const start = 1_700_000_000_000;
    const skewed = { n1: 0, n2: 3, n3: 300_000 } as const;
    const slicer = new FlowSlicer({ ...second, skewMs: 500 });
    const events: SlicerEvent[] = [];
    for (let i = 0; i < 300; i++) {
      for (const [node, skewMs] of Object.entries(skewed)) {
        const arrivedMs = start + i * 100 + 20;
        events.push(...slicer.push(flow({ node, atMs: start + i * 100 + skewMs, source: pod(node) }), arrivedMs));
      }
    }
    events.push(...slicer.flush());
    expect(slicer.skews()).toEqual([{ node: 'n3', skewMs: 300_000 - 3 }]);
    const { names } = slicesOf(events).at(-1) as NamedSlice;
    expect(names.nodes.map(({ workload }) => workload)).toEqual(['db', 'n1', 'n2', 'n3']);
  });

  it('says what a workload is beside its flows', () => {
    const signalsOf: SignalsOf = ({ workload }) =>
      workload === 'db'
        ? { cpuCores: 2, syscallScore: 0.25 }
        : workload === 'web'
          ? { memoryBytes: 2 ** 30 }
          : undefined;
    const named = last([flow({})], second, signalsOf);
    expect(nodeValue(named, 'db', 'cpu:log-cores')).toBe(logOf(2));
    expect(nodeValue(named, 'db', 'syscall:score')).toBe(0.25);
    expect(nodeValue(named, 'db', 'memory:given')).toBe(0);
    expect(nodeValue(named, 'web', 'memory:log-gib')).toBe(logOf(1));
    expect(nodeValue(named, 'web', 'syscall:given')).toBe(0);
  });

  it('carries calls, routes and amounts as features, and routes by name beside them', () => {
    const call = (phase: 'request' | 'response', route: string, status: 'none' | 'ok' | 'server-error') =>
      flow({ l7: { phase, apiClass: 'http-read', method: 'GET', route, status } });
    const volume = { bytesOut: 100, bytesIn: 300, packetsOut: 3, packetsIn: 4, durationMs: 1.5 };
    const named = last([
      call('request', '/users/{}', 'none'),
      call('response', '/users/{}', 'ok'),
      call('request', '/health', 'none'),
      call('response', '/health', 'server-error'),
      flow({ volume }),
      flow({ volume: { ...volume, bytesOut: 300 } }),
    ]);
    expect(named.names.edges[0]?.routes).toEqual(['/health', '/users/{}']);
    expect(edgeValue(named, 0, 'log-calls')).toBe(logOf(2));
    expect(edgeValue(named, 0, 'status:server-error')).toBe(0.5);
    expect(edgeValue(named, 0, 'volume:log-bytes-out')).toBe(logOf(200));
    expect(edgeValue(named, 0, 'volume:log-duration-ms')).toBe(logOf(1.5));
    expect(nodeValue(named, 'db', 'as-server:api-http-read')).toBe(1);
  });

  it('keeps labels for evaluation beside the slice and out of it', () => {
    const attack = last([flow({ label: 'lateral_movement' }), flow({ label: 'normal' })]);
    expect(attack.names.edges[0]?.labels).toEqual(['lateral_movement']);
    expect(attack.slice).toEqual(last([flow({}), flow({})]).slice);
  });

  it('refuses options that cannot hold, all of them at once', () => {
    expect(() => new FlowSlicer({ windowIntervals: 0, nodesMax: 70_000 })).toThrow(/windowIntervals.*nodesMax/);
  });
});

describe('FlowSlicer, as properties', () => {
  it('gives for each window what a fresh slicer gives for that window alone', () => {
    fc.assert(
      fc.property(fc.array(anyFlow, { minLength: 1, maxLength: 60 }), (parts) => {
        const flows = parts.toSorted((a, b) => a.atMs - b.atMs);
        for (const { slice, names } of slicesOf(run(flows))) {
          const within = flows.filter(({ atMs }) => atMs >= slice.startMs && atMs < slice.endMs);
          const alone = slicesOf(run(within)).find((other) => other.slice.endMs === slice.endMs);
          // The window's last intervals may be empty: then the fresh slicer stops earlier.
          if (alone !== undefined) expect({ slice, names }).toEqual(alone);
          expect(names.edges.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same slices when flows within the lateness come in another order', () => {
    const options = { ...second, latenessMs: 12_000 };
    const shuffled = fc
      .array(anyFlow, { minLength: 1, maxLength: 60 })
      .chain((parts) => fc.tuple(fc.constant(parts), fc.shuffledSubarray(parts, { minLength: parts.length })));
    fc.assert(
      fc.property(shuffled, ([parts, others]) => {
        expect(slicesOf(run(others, options)).at(-1)).toEqual(slicesOf(run(parts, options)).at(-1));
      }),
      { numRuns: 200 },
    );
  });
});
