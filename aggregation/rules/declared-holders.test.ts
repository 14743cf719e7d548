import { describe, expect, test } from 'vitest';
import { type AggregationContext, aggregate } from '../aggregate.ts';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { DeclaredClasses } from '../class-blocks.ts';
import type { AggregationPolicy } from '../policy.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';

/** Three classes of two slots each; tables have norm 4. */
const blocks = ['web', 'db', 'mail'].map((name, at) => ({ class: name, ranges: [{ offset: 2 * at, length: 2 }] }));
const tables = [
  [4, 0, 0, 0, 0, 0],
  [0, 4, 0, 0, 0, 0],
  [0, 0, 4, 0, 0, 0],
  [0, 0, 2.4, 3.2, 0, 0],
  [0, 0, 0, 4, 0, 0],
];
const declared = [['web'], ['web'], ['db'], ['db'], ['db']];
const base = Float32Array.of(0.5, 0.25, 1, 0, 0.75, 0);
const classes: DeclaredClasses = { blocks, declared };
const shape = { norm: 4, tolerance: 0.02 };

const policy = (f: number, corroborate?: boolean): AggregationPolicy => ({
  f,
  admission: { normMax: 100, zeroUpdate: 'admit' },
  before: [],
  rule: { kind: 'declaredHolders', penalty: 1.4, ...(corroborate !== undefined && { corroborate }) },
});

/** Of db: how far its second slot is above what the sample has seen of it, 0.2 of the mean. */
const sample: TrustedLoss = {
  covered: ['db'],
  losses: async (table) => Float64Array.of(0.1 + Math.abs((table[3] as number) - 0.2)),
};

async function run(
  f: number,
  sent: readonly (readonly number[])[],
  context: AggregationContext,
  corroborate?: boolean,
) {
  const deltas = sent.map((table) => Float32Array.from(table, (value, j) => value - (base[j] as number)));
  const sink = memorySink(6);
  const result = await aggregate(policy(f, corroborate), blocksOf(deltas), twinAlgebra(), sink, { base, ...context });
  return { result, table: [...sink.values].map((value, j) => value + (base[j] as number)) };
}

describe('declaredHolders', () => {
  test('leaves nobody out for a loss that is no number', async () => {
    let calls = 0;
    const losses = async () => Float64Array.of(calls++ === 0 ? 1 : Number.NaN);
    const { result } = await run(1, tables, { classes, shape, trusted: { loss: { covered: ['db'], losses } } });
    expect(granted(result).report.classes?.[1]).toMatchObject({ class: 'db', holders: [2, 3, 4], leftOut: [] });
    expect(calls).toBe(4);
  });

  test('averages each block over its holders, in proportion to how many there are, and keeps what nobody declares', async () => {
    const { result, table } = await run(1, tables, { classes, shape });
    const { report } = granted(result);
    // web: 2 of 5 × mean (2, 2); db: 3 of 5 × mean (6.4 / 3, 7.2 / 3); mail stays.
    [0.8, 0.8, 1.28, 1.44, 0.75, 0].forEach((value, j) => {
      expect(table[j]).toBeCloseTo(value, 6);
    });
    expect(report.classes?.map(({ class: name, holders, f }) => [name, holders, f])).toEqual([
      ['web', [0, 1], 0],
      ['db', [2, 3, 4], 0],
      ['mail', [], 0],
    ]);
    expect(report.classes?.[2]?.text).toBe('nobody declares mail: it stays as the base has it');
  });

  test('does not move by a liar who has none of a class, and names what is wrong with each', async () => {
    const honest = await run(1, tables, { classes, shape });
    const lies: [number[], RegExp][] = [
      [[4, 0, 0, 0, 0, 0], /speaks for class web, which its sender did not declare/],
      [[0, 0, 0, 0, 0, 0.9], /norm 0.9000 where every cluster that counts has 4/],
      [[0, 0, 0, 0, -4, 0], /negative evidence/],
      [[0, 0, 0, 0, 8, 0], /norm 8.000/],
    ];
    for (const [lie, message] of lies) {
      const { result, table } = await run(1, [lie, ...tables], {
        classes: { blocks, declared: [['mail'], ...declared] },
        shape,
      });
      const { report } = granted(result);
      expect(report.updates[0]).toMatchObject({
        verdict: 'refused',
        reason: { code: 'SHAPE_WRONG', text: expect.stringMatching(message) },
      });
      expect(report.classes?.[1]?.holders).toEqual([3, 4, 5]);
      expect(table).toEqual(honest.table);
    }
  });

  test('leaves out the holder without whom the sample loses least, if it gains by that', async () => {
    const { result, table } = await run(1, tables, { classes, shape, trusted: { loss: sample } });
    const db = granted(result).report.classes?.[1];
    // Without row 4 the second slot is 3/5 · 3.2/2 = 0.96, without 3 it is 1.2, without 2 2.16, with all 1.44.
    expect(db).toMatchObject({ leftOut: [4], covered: true, f: 1 });
    expect(table[3]).toBeCloseTo(0.96, 6);
    const withstood = await run(2, tables, { classes, shape, trusted: { loss: sample } });
    expect(granted(withstood.result).report.classes?.[1]).toMatchObject({ leftOut: [3, 4], f: 2 });
    expect(granted(withstood.result).report.updates[4]).toMatchObject({
      verdict: 'leftOut',
      reason: { code: 'NO_CLASS' },
    });
  });

  test('says where a class has too few holders for f', async () => {
    const { result } = await run(3, tables, { classes, shape, trusted: { loss: sample } });
    const [web, db] = granted(result).report.classes ?? [];
    expect(web?.text).toBe(
      '2 clusters declare web, and the sample does not hold it: each makes 1/2 of what the table says of it, liar or not',
    );
    expect(db?.text).toBe('3 clusters declare db, no more than f = 3: if all of them lie, so does the table on db');
    expect(db?.f).toBe(2);
  });

  test('leaves holders out one at a time where their subsets are too many, and finds the same', async () => {
    const many = Array.from({ length: 24 }, (_, at) => (at < 3 ? [0, 0, 0, 4, 0, 0] : [0, 0, 4, 0, 0, 0]));
    const all = { blocks, declared: many.map(() => ['db']) };
    const still: TrustedLoss = {
      covered: ['db'],
      losses: async (table) => Float64Array.of(1 + 100 * (table[3] as number)),
    };
    const { result } = await run(3, many, { classes: all, shape, trusted: { loss: still } });
    expect(granted(result).report.classes?.[1]?.leftOut).toEqual([0, 1, 2]);
  });

  describe('corroborated', () => {
    /** Of db's second slot the sample has attacks alone; of its first it has normal work. */
    const knowing: TrustedLoss = {
      covered: ['db'],
      losses: async () => Float64Array.of(1),
      attacksOnly: Uint8Array.of(0, 0, 0, 1, 0, 0),
    };
    const trusted = { loss: knowing };

    test('counts what the sample knows from attacks alone if more than f holders or all claim it, and says how much it did not count', async () => {
      // Two of three claim the second slot of db.
      const kept = await run(1, tables, { classes, shape, trusted }, true);
      const plain = await run(1, tables, { classes, shape, trusted });
      expect(kept.table).toEqual(plain.table);
      const { result, table } = await run(2, tables, { classes, shape, trusted }, true);
      expect(table[3]).toBe(0);
      // All of them, fewer than f + 1: there is nobody else whom it could need.
      const both = [tables[3], tables[4]] as number[][];
      const all = { blocks, declared: [['db'], ['db']] };
      expect((await run(2, both, { classes: all, shape, trusted }, true)).table[3]).toBeGreaterThan(3);
      expect(table.filter((_, j) => j !== 3)).toEqual(plain.table.filter((_, j) => j !== 3));
      expect(granted(result).report.classes?.[1]?.text).toContain(
        '1 of what they claim is normal the sample knows from attacks alone, and fewer than 3 of them claim it: not counted',
      );
    });

    test('lets f liars put nothing there, be they most of the holders, where the base had it before as well', async () => {
      for (const f of [1, 2, 3]) {
        const liars = Array.from({ length: f }, () => [0, 0, 0, 4, 0, 0]);
        const all = { blocks, declared: [...liars.map(() => ['db']), ['db']] };
        const { table } = await run(f, [...liars, [0, 0, 4, 0, 0, 0]], { classes: all, shape, trusted }, true);
        expect(table[3]).toBe(0);
        expect(table[2]).toBeGreaterThan(0);
      }
      const claimed = Float32Array.of(0.5, 0.25, 1, 3, 0.75, 0);
      const still = [0, 0, 4, 0, 0, 0].map((value, j) => value + (base[j] as number) - (claimed[j] as number));
      const sent = [0, 1].map(() => Array.from(still));
      const { table } = await run(
        1,
        sent,
        { classes: { blocks, declared: [['db'], ['db']] }, trusted, base: claimed },
        true,
      );
      expect((table[3] as number) - (base[3] as number) + (claimed[3] as number)).toBe(0);
    });

    test('changes nothing without a sample, or with one that cannot tell', async () => {
      const cannot = { loss: { covered: knowing.covered, losses: knowing.losses } };
      for (const context of [
        { classes, shape },
        { classes, shape, trusted: cannot },
      ]) {
        expect((await run(3, tables, context, true)).table).toEqual((await run(3, tables, context)).table);
      }
    });
  });

  test.each<[string, AggregationContext, RegExp]>([
    ['no classes', {}, /aggregates by declared class/],
    ['declarations of other rows', { classes: { blocks, declared: [['web']] } }, /each of the 5 updates, got 1/],
    [
      'overlapping blocks',
      { classes: { blocks: [...blocks, { class: 'x', ranges: [{ offset: 5, length: 1 }] }], declared } },
      /not overlap/,
    ],
    ['one class twice', { classes: { blocks: [...blocks, blocks[0] as (typeof blocks)[0]], declared } }, /one block/],
  ])('refuses %s', async (_, context, message) => {
    expect((await run(1, tables, context)).result).toMatchObject({
      ok: false,
      fault: { message: expect.stringMatching(message) },
    });
  });
});
