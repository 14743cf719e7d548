import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlow } from '../../../events/flow-record.ts';
import { trackKind } from '../track.ts';
import { edgeFeatureNames } from './feature-names.ts';
import type { NamedSlice } from './slice.ts';
import { FlowSlicer, type SlicerEvent, type SlicerOptions } from './slicer.ts';
import { partIn } from './spanning-flow.ts';
import { plainFlow, pod } from './testing/any-flow.ts';

const minute: Partial<SlicerOptions> = { intervalMs: 60_000, windowIntervals: 1, partialWindows: true };
const slicesOf = (events: readonly SlicerEvent[]): NamedSlice[] =>
  events.flatMap((event) => (event.kind === 'slice' ? [{ slice: event.slice, names: event.names }] : []));
const reasonsOf = (events: readonly SlicerEvent[]) =>
  events.flatMap((event) => (event.kind === 'skipped' ? [event.reason] : []));

function run(flows: readonly ObservedFlow[], options: Partial<SlicerOptions>): SlicerEvent[] {
  const slicer = new FlowSlicer(options);
  return [...flows.flatMap((flow) => slicer.push(flow)), ...slicer.flush()];
}

/** By window: its start in minutes, flows and bytes out of the edge to this workload. */
function seenOf(slices: readonly NamedSlice[], server: string): [number, number, number][] {
  return slices.flatMap(({ slice, names }) =>
    names.edges.flatMap(({ count }, edge): [number, number, number][] => {
      if (names.nodes[slice.servers[edge] as number]?.workload !== server) return [];
      const at = edge * edgeFeatureNames.length + edgeFeatureNames.indexOf('volume:log-bytes-out');
      return [[slice.startMs / 60_000, count, Math.round(Math.expm1(10 * (slice.edgeFeatures[at] as number)))]];
    }),
  );
}

const volume = { bytesOut: 6_000, bytesIn: 600, packetsOut: 60, packetsIn: 30, durationMs: 360_000 };
/** Six minutes long, from 00:01:30 to 00:07:30. */
const shell: ObservedFlow = { ...plainFlow, destination: pod('shell'), atMs: 90_000, endMs: 450_000, volume };
const ticks = Array.from({ length: 10 }, (_, at): ObservedFlow => ({ ...plainFlow, atMs: at * 60_000 }));

describe('FlowSlicer, time', () => {
  it('counts a flow where it ends, and is late only for one that ended long before', () => {
    const live = [...ticks.slice(0, 8), { ...shell, volume: undefined }];
    const events = run(live, minute);
    expect(reasonsOf(events)).toEqual([]);
    expect(seenOf(slicesOf(events), 'shell')).toEqual([[7, 1, 0]]);
    const late = run([...ticks, { ...shell, volume: undefined }], minute);
    expect(reasonsOf(late)).toEqual(['TOO_LATE']);
  });

  it('shares what was carried out over the intervals that are still open', () => {
    // Of the intervals since it began, those from minute 7 on are open: the lateness is 15 s.
    const events = run([...ticks.slice(0, 8), { ...plainFlow, atMs: 425_000 }, shell], minute);
    expect(seenOf(slicesOf(events), 'shell')).toEqual([[7, 1, 6_000]]);
    const patient = run([...ticks.slice(0, 8), shell], { ...minute, latenessMs: 120_000 });
    expect(seenOf(slicesOf(patient), 'shell')).toEqual([
      [5, 0, 4_500],
      [6, 0, 1_000],
      [7, 1, 500],
    ]);
  });

  it('shares it out exactly where the input is sorted, past its last flow too', () => {
    const events = run([...ticks.slice(0, 2), shell], { ...minute, sorted: true });
    expect(reasonsOf(events)).toEqual([]);
    expect(seenOf(slicesOf(events), 'shell')).toEqual([
      [1, 0, 500],
      [2, 0, 1_000],
      [3, 0, 1_000],
      [4, 0, 1_000],
      [5, 0, 1_000],
      [6, 0, 1_000],
      [7, 1, 500],
    ]);
    const whole = run(
      [...ticks, shell].sort((a, b) => a.atMs - b.atMs),
      { ...minute, windowIntervals: 20, sorted: true },
    );
    expect(seenOf(slicesOf(whole), 'shell').at(-1)).toEqual([-10, 1, 6_000]);
  });

  it('finds nothing late in sorted input, whatever the gaps and lengths', () => {
    const anyFlow = fc.record({ at: fc.integer({ min: 0, max: 1e8 }), lasts: fc.integer({ min: 0, max: 1e7 }) });
    fc.assert(
      fc.property(fc.array(anyFlow, { maxLength: 40 }), (drawn) => {
        const flows = drawn
          .sort((a, b) => a.at - b.at)
          .map(({ at, lasts }): ObservedFlow => ({ ...shell, atMs: at, endMs: at + lasts }));
        const events = run(flows, { ...minute, sorted: true });
        expect(reasonsOf(events)).toEqual([]);
        const flowsSeen = slicesOf(events).flatMap(({ names }) => names.edges.map(({ count }) => count));
        expect(flowsSeen.reduce((sum, count) => sum + count, 0)).toBe(flows.length);
      }),
    );
  });

  it('neither hangs nor counts on a time that no clock shows', () => {
    const times = [1e300, -1e300, Number.NaN, Number.POSITIVE_INFINITY, 8.7e15];
    const flows = times.flatMap((ms) => [
      { ...shell, atMs: ms },
      { ...shell, endMs: ms },
    ]);
    for (const sorted of [true, false]) {
      const events = run([...flows, { ...shell, endMs: 8.64e15 }], { ...minute, sorted });
      expect(new Set(reasonsOf(events))).toEqual(new Set(['BAD_TIME']));
    }
  });
});

describe('FlowSlicer, verdicts', () => {
  it('says of an edge what was refused, audited and redirected, and why, and nothing of others', () => {
    const to = (verdict: ObservedFlow['verdict'], verdictReason?: string, count = 1): ObservedFlow => ({
      ...plainFlow,
      verdict,
      count,
      ...(verdictReason !== undefined && { verdictReason }),
    });
    const flows = [
      to('dropped', 'POLICY_DENIED', 3),
      to('error'),
      to('audit', undefined, 2),
      to('forwarded', 'REDIRECTED', 5),
      { ...to('forwarded'), destination: pod('other') },
    ];
    const [window] = slicesOf(run(flows, minute)) as [NamedSlice];
    const [db, other] = window.names.edges;
    expect(db).toMatchObject({
      count: 11,
      refused: 4,
      audited: 2,
      redirected: 5,
      reasons: ['POLICY_DENIED', 'REDIRECTED'],
    });
    expect(Object.keys(other as object).sort()).toEqual([
      'count',
      'firstMs',
      'labels',
      'lastMs',
      'port',
      'protocol',
      'routes',
    ]);
    expect(trackKind.describe(window, 0).detail).toMatchObject({ refused: 4, audited: 2, redirected: 5 });
    // The window leaves again what it took in.
    const later = run([...flows, { ...plainFlow, atMs: 120_000 }], minute);
    expect(slicesOf(later).at(-1)?.names.edges[0]?.refused).toBeUndefined();
  });
});

describe('partIn', () => {
  it('gives parts that carry together exactly what the flow did', () => {
    const amount = fc.integer({ min: 0, max: 1e12 });
    const anyVolume = fc.record({ bytesOut: amount, bytesIn: amount, packetsOut: amount, packetsIn: amount });
    fc.assert(
      fc.property(anyVolume, fc.nat(1e6), fc.integer({ min: 1, max: 1e6 }), (amounts, startMs, lasts) => {
        const flow = { ...shell, volume: { ...amounts, durationMs: lasts } };
        const endMs = startMs + lasts;
        const [first, last] = [Math.floor(startMs / 60_000), Math.floor(endMs / 60_000)];
        const sums = { count: 0, bytesOut: 0, packetsIn: 0, durationUs: 0 };
        for (let interval = first; interval <= last; interval++) {
          const { part } = partIn({ flow, startMs, endMs, first, last }, interval, 60_000);
          sums.count += part.count;
          sums.bytesOut += part.volume?.bytesOut as number;
          sums.packetsIn += part.volume?.packetsIn as number;
          sums.durationUs += Math.round((part.volume?.durationMs as number) * 1_000);
        }
        expect(sums).toEqual({
          count: 1,
          bytesOut: amounts.bytesOut,
          packetsIn: amounts.packetsIn,
          durationUs: lasts * 1_000,
        });
      }),
    );
  });
});
