import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import { classHash } from '../traces/call-hash.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { callSet } from './call-sets.ts';
import { Ease } from './ease.ts';
import { GramEvidence, gramSurprisal } from './gram-evidence.ts';
import { pairSlot } from './hash.ts';
import { learnTwoViews, openTwoViews } from './two-views.ts';
import { gramOrderMax, partsOf, twoViewsSizes, twoViewsSpec } from './two-views-spec.ts';

const classes = new WorkloadClasses(['web', 'db']);
const spec = twoViewsSpec(classes, { gramSlots: 2 ** 16, pairSlots: 2 ** 12 });
const sizes = twoViewsSizes(spec);
const trace = (service: string, ...calls: number[]) => ({ service, calls: Uint16Array.from(calls) });
const some = fc.array(fc.integer({ min: 2, max: 12 }), { minLength: 1, maxLength: 40 });

/** The same surprisal, slowly: grams are texts, and every context is counted anew. */
function slowSurprisal(learnt: readonly number[][], calls: readonly number[]): number[] {
  const counts = new Map<string, number>();
  const count = (gram: readonly number[]) => counts.set(gram.join(' '), (counts.get(gram.join(' ')) ?? 0) + 1);
  const padded = (own: readonly number[]) => [0, ...own];
  for (const own of new Map(learnt.map((one) => [one.join(' '), one])).values()) {
    const all = padded(own);
    count([0]);
    for (let end = 1; end < all.length; end++) {
      for (let length = 0; length <= Math.min(gramOrderMax, end + 1); length++)
        count(all.slice(end + 1 - length, end + 1));
    }
  }
  const evidence = (gram: readonly number[]) => Math.log2(1 + (counts.get(gram.join(' ')) ?? 0));
  const all = padded(calls);
  return calls.map((_, at) => {
    let p = 1 / vocabulary.length;
    for (let length = 1; length <= Math.min(gramOrderMax, at + 2); length++) {
      const gram = all.slice(at + 2 - length, at + 2);
      const before = evidence(gram.slice(0, -1));
      if (before <= 0) break;
      p = (evidence(gram) + p) / (Math.max(before, evidence(gram)) + 1);
    }
    return -Math.log(Math.min(1, p));
  });
}

describe('gramSurprisal', () => {
  it('agrees with a slow twin that hashes nothing', () => {
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 5 }), some, (learnt, judged) => {
        const counts = new GramEvidence(2 ** 22);
        for (const own of learnt) counts.learn(Uint16Array.from(own), 1);
        const values = gramSurprisal(counts.evidence(), Uint16Array.from(judged), 1);
        for (const [at, expected] of slowSurprisal(learnt, judged).entries()) {
          expect(values[at]).toBeCloseTo(expected, 4);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('judges a trace as if it had not been learnt, and leaves the evidence as it was', () => {
    const [one, other] = [Uint16Array.of(5, 6, 7, 8, 5), Uint16Array.of(5, 6, 9)];
    const both = new GramEvidence(2 ** 14);
    const without = new GramEvidence(2 ** 14);
    for (const calls of [one, other]) both.learn(calls, 1);
    without.learn(other, 1);
    const evidence = both.evidence();
    const before = evidence.slice();
    const values = both.without(evidence, one, 1, () => gramSurprisal(evidence, one, 1));
    expect(values).toEqual(gramSurprisal(without.evidence(), one, 1));
    expect(evidence).toEqual(before);
    expect(both.learn(one, 1)).toBe(false);
    expect(both.without(evidence, Uint16Array.of(1), 1, () => 'use')).toBe('use');
  });
});

describe('Ease', () => {
  /** What is opened from exact sums of sets, by Gauss and Jordan with no triangle taken for granted. */
  function slowDistance(sets: readonly number[][], present: readonly number[]): number {
    const known = [...new Set(sets.flat())].sort((a, b) => a - b);
    const gram = known.map((i) =>
      known.map((j) => sets.reduce((sum, set) => sum + (set.includes(i) && set.includes(j) ? 1 / set.length : 0), 0)),
    );
    const trace = gram.reduce((sum, row, i) => sum + (row[i] as number), 0);
    const n = known.length;
    const rows = gram.map((row, i) => [
      ...row.map((value, j) => (value * 2 * vocabulary.length) / trace + (i === j ? 0.3 : 0)),
      ...known.map((_, j) => (i === j ? 1 : 0)),
    ]);
    for (let i = 0; i < n; i++) {
      const pivot = rows[i] as number[];
      const scale = pivot[i] as number;
      for (let j = 0; j < 2 * n; j++) pivot[j] = (pivot[j] as number) / scale;
      for (const row of rows) {
        const factor = row[i] as number;
        if (row === pivot || factor === 0) continue;
        for (let j = 0; j < 2 * n; j++) row[j] = (row[j] as number) - factor * (pivot[j] as number);
      }
    }
    const inverse = (i: number, j: number) => rows[i]?.[n + j] as number;
    const x = known.map((call) => (present.includes(call) ? 1 : 0));
    const missed = known.map((_, j) => {
      const expected = x.reduce<number>(
        (sum, one, i) => (i === j ? sum : sum - (one * inverse(i, j)) / inverse(j, j)),
        0,
      );
      return (x[j] as number) - expected;
    });
    const unknown = present.filter((call) => !known.includes(call)).length;
    return (missed.reduce((sum, value) => sum + value ** 2, 0) + unknown) / present.length;
  }

  it('agrees with a slow inverse of the same sums', () => {
    const set = fc.uniqueArray(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(set, { minLength: 1, maxLength: 6, selector: String }), set, (sets, judged) => {
        const exact = twoViewsSpec(classes, { gramSlots: 2 ** 10, pairSlots: 2 ** 18 });
        const { weights } = learnTwoViews(
          exact,
          sets.map((one) => trace('web', ...one)),
        );
        const distance = openTwoViews(exact, weights).setDistance(trace('web', ...judged));
        expect(distance).toBeCloseTo(slowDistance(sets, judged), 3);
      }),
      { numRuns: 30 },
    );
  });

  it('finds sets near that it knows, calls that nobody makes far, and others between', () => {
    const { weights } = learnTwoViews(spec, [trace('web', 5, 6, 7), trace('web', 5, 6, 8), trace('db', 20, 21)]);
    const views = openTwoViews(spec, weights);
    const known = views.setDistance(trace('web', 5, 6, 7, 5, 5));
    const missing = views.setDistance(trace('web', 5, 7));
    expect(known).toBeLessThan(0.2);
    expect(missing).toBeGreaterThan(2 * known);
    expect(views.setDistance(trace('web', 20, 21))).toBeCloseTo(1, 6); // Another class's calls are nobody's here.
    expect(views.setDistance(trace('web'))).toBe(0);
    const residuals = views.setResiduals(trace('web', 5, 6, 30));
    expect(residuals.get(30)).toBe(1);
    expect(residuals.get(6)).toBeLessThan(0.2);
  });

  it('steadied, says of no normal set that it is farther than sets can be, although pairs share slots', () => {
    const crowded = twoViewsSpec(classes, { gramSlots: 2 ** 12, pairSlots: 2 ** 10 });
    const worst = { plain: 0, steadied: 0, left: 0 };
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed);
      const sets = Array.from({ length: 60 }, () =>
        trace(
          'web',
          ...Array.from({ length: 8 + Math.floor(random() * 12) }, () => 10 + Math.floor(60 * random() ** 2)),
        ),
      );
      const views = openTwoViews(crowded, learnTwoViews(crowded, sets).weights);
      for (const one of sets) {
        worst.plain = Math.max(worst.plain, views.setDistance(one));
        worst.steadied = Math.max(worst.steadied, views.setDistance(one, true));
        for (const left of views.setResiduals(one, true).values()) worst.left = Math.max(worst.left, left);
      }
    }
    expect(worst.plain).toBeGreaterThan(100);
    expect(worst.steadied).toBeLessThan(1.2);
    expect(worst.left).toBeLessThan(2);
  });

  it('stays a number whatever a hostile aggregate holds', () => {
    const value = fc.constantFrom(0, 1, -1, 1e30, Number.NaN, Number.POSITIVE_INFINITY, 0.01, 5);
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 12, maxLength: 12 }),
        fc.array(value, { minLength: 66, maxLength: 66 }),
        some,
        (diagonal, together, judged) => {
          const calls = new Float32Array(vocabulary.length);
          const pairs = new Float32Array(2 ** 12);
          for (const [at, one] of diagonal.entries()) calls[2 + at] = one;
          let next = 0;
          for (let i = 0; i < 12; i++)
            for (let j = 0; j < i; j++)
              pairs[pairSlot(classHash(1), 2 + i, 2 + j, pairs.length)] = together[next++] as number;
          const distance = Ease.open(calls, pairs, 1).distance(callSet(Uint16Array.from(judged)));
          expect(Number.isFinite(distance) && distance >= 0).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the two views', () => {
  it('weigh the same from a busy cluster and a quiet one, and count repeats once', () => {
    const quiet = [trace('web', 5, 6, 7)];
    const busy = Array.from({ length: 50 }, (_, at) => trace('db', 20 + (at % 30), 21, 22 + (at % 7)));
    for (const traces of [quiet, busy]) {
      const { grams, calls, pairs } = partsOf(sizes, learnTwoViews(spec, traces).weights);
      const norm = (...parts: Float32Array[]) => Math.hypot(...parts.flatMap((part) => [...part]));
      expect(norm(grams)).toBeCloseTo(4, 4);
      expect(norm(calls, pairs)).toBeCloseTo(4, 4);
    }
    expect(learnTwoViews(spec, [...quiet, ...quiet]).weights).toEqual(learnTwoViews(spec, quiet).weights);
    expect(learnTwoViews(spec, [])).toEqual({ weights: new Float32Array(layoutOf(spec).length), examples: 0 });
  });

  it('know after averaging what each of two clusters knew', () => {
    const [one, other] = [trace('web', 5, 6, 7, 8), trace('db', 20, 21, 22)];
    const weights = [one, other].map((own) => learnTwoViews(spec, [own]).weights);
    const mean = (weights[0] as Float32Array).map((value, at) => (value + (weights[1]?.[at] ?? 0)) / 2);
    const views = openTwoViews(spec, mean);
    const strange = trace('web', 40, 41, 42);
    for (const known of [one, other]) {
      expect(Math.max(...views.surprisal(known))).toBeLessThan(Math.min(...views.surprisal(strange)));
      expect(views.setDistance(known)).toBeLessThan(0.2);
    }
    expect(views.setDistance(strange)).toBe(1);
  });

  it('refuse a spec of other sizes, another architecture, or weights of another length', () => {
    expect(() => twoViewsSpec(classes, { gramSlots: 1_000 })).toThrow('power of two');
    expect(() => twoViewsSizes({ ...spec, architecture: 'syscall-gram-table/1' })).toThrow(
      'expected syscall-two-views/1',
    );
    expect(() => twoViewsSizes({ ...spec, tensors: spec.tensors.slice(1) })).toThrow('do not fit');
    expect(() => openTwoViews(spec, new Float32Array(3))).toThrow('expected');
  });
});
