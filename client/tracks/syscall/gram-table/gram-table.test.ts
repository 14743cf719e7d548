import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import {
  evidenceOf,
  GramCounts,
  gramSurprisal,
  gramTableSpec,
  initialGramTable,
  trainGramTable,
} from './gram-table.ts';

const classes = new WorkloadClasses(['web', 'db']);
const spec = gramTableSpec(classes, 2 ** 12);
const calls = fc
  .uint8Array({ minLength: 1, maxLength: 60, max: 20 })
  .map((bytes) => Uint16Array.from(bytes, (x) => x + 2));
const loop = Uint16Array.from({ length: 60 }, (_, place) => 2 + (place % 3));

function surprisalAfter(learnt: readonly Uint16Array[], trace: Uint16Array, service = 'web'): number {
  const { weights } = trainGramTable(
    spec,
    learnt.map((calls) => ({ calls, service: 'web' })),
  );
  const values = gramSurprisal(evidenceOf(spec, weights), trace, classes.idOf(service));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('trainGramTable', () => {
  it('finds what it learnt less surprising than it was, whatever it learnt', () => {
    fc.assert(
      fc.property(calls, (trace) => {
        expect(surprisalAfter([trace], trace)).toBeLessThan(surprisalAfter([], trace));
      }),
    );
  });

  it('gives the same bits again, in any order and with repeats', () => {
    fc.assert(
      fc.property(fc.array(calls, { minLength: 1, maxLength: 6 }), (traces) => {
        const learnt = (order: readonly Uint16Array[]) =>
          trainGramTable(
            spec,
            order.map((calls) => ({ calls, service: 'db' })),
          ).weights;
        // Sums of float64 in another order differ in the last bits, which float32 mostly swallows: compare closely.
        const once = learnt(traces);
        const again = learnt([...traces, ...traces].reverse());
        expect(once.every((value, slot) => Math.abs(value - (again[slot] as number)) < 1e-5)).toBe(true);
        expect(Buffer.compare(Buffer.from(learnt(traces).buffer), Buffer.from(once.buffer))).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('gives every cluster an update of the same length, however much it has seen', () => {
    const lengths = [[loop], [loop, loop.map((call) => call + 5), loop.map((call) => call + 9)]].map((traces) => {
      const { weights } = trainGramTable(
        spec,
        traces.map((calls) => ({ calls, service: 'web' })),
      );
      return Math.hypot(...weights);
    });
    expect(lengths[0]).toBeCloseTo(lengths[1] as number, 4);
    expect(trainGramTable(spec, []).weights).toEqual(initialGramTable(spec));
  });

  it('keeps classes apart: what is normal for one surprises in another', () => {
    expect(surprisalAfter([loop], loop, 'db')).toBeGreaterThan(surprisalAfter([loop], loop, 'web') + 2);
  });

  it('sees a call that has never been made before', () => {
    const strange = loop.slice();
    strange[30] = 99;
    const { weights } = trainGramTable(spec, [{ calls: loop, service: 'web' }]);
    const values = gramSurprisal(evidenceOf(spec, weights), strange, classes.idOf('web'));
    expect(values.indexOf(Math.max(...values))).toBe(30);
  });

  it('averages into the knowledge of both: neither cluster forgets', () => {
    const other = Uint16Array.from({ length: 60 }, (_, place) => 40 + (place % 5));
    const weightsOf = (calls: Uint16Array) => trainGramTable(spec, [{ calls, service: 'web' }]).weights;
    const [a, b] = [weightsOf(loop), weightsOf(other)];
    const mean = a.map((value, slot) => (value + (b[slot] as number)) / 2);
    for (const trace of [loop, other]) {
      const values = gramSurprisal(evidenceOf(spec, mean), trace, classes.idOf('web'));
      expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeLessThan(1);
    }
  });

  it('takes weights no honest cluster makes for no evidence', () => {
    const weights = initialGramTable(spec);
    weights.set([Number.NaN, Number.POSITIVE_INFINITY, -3, 1e20, 0.5]);
    expect([...evidenceOf(spec, weights).subarray(0, 5)].map((value) => value > 0)).toEqual([
      false,
      false,
      false,
      false,
      true,
    ]);
    expect(() => evidenceOf(spec, new Float32Array(3))).toThrow(/expected 4096 values, got 3/);
  });
});

describe('GramCounts.without', () => {
  it('judges a learnt trace as a memory that never learnt it, and leaves the evidence as it was', () => {
    fc.assert(
      fc.property(fc.uniqueArray(calls, { minLength: 1, maxLength: 5, selector: String }), (traces) => {
        const [first, ...rest] = traces as [Uint16Array, ...Uint16Array[]];
        const all = new GramCounts(2 ** 12);
        const others = new GramCounts(2 ** 12);
        for (const trace of traces) all.learn(trace, 1);
        for (const trace of rest) others.learn(trace, 1);
        const evidence = all.evidence();
        const before = evidence.slice();
        const judged = all.without(evidence, first, 1, () => gramSurprisal(evidence, first, 1));
        expect([...judged]).toEqual(
          [...gramSurprisal(others.evidence(), first, 1)].map((value) => expect.closeTo(value, 3)),
        );
        expect(evidence).toEqual(before);
      }),
    );
  });
});
