import { describe, expect, test } from 'vitest';
import { type AggregationContext, aggregate } from '../aggregate.ts';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { DeclaredClasses } from '../class-blocks.ts';
import type { AggregationPolicy } from '../policy.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';
import { carryOut, updatesOf } from '../updates.ts';
import { declaredHolders } from './declared-holders.ts';

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

  describe('decides', () => {
    /** Tables of the blocks, and beside them two coordinates of no class. */
    async function decide(
      sent: readonly (readonly number[])[],
      holds: readonly (readonly string[])[],
      { f = 1, ...context }: Readonly<{ f?: number; loss?: TrustedLoss; penalty?: number; base?: Float32Array }> = {},
    ) {
      const d = (sent[0] as readonly number[]).length;
      const from = context.base ?? new Float32Array(d);
      const deltas = sent.map((table) => Float32Array.from(table, (value, j) => value - (from[j] as number)));
      const parameters = { penalty: context.penalty ?? 1.4 };
      const given = { base: from, classes: { blocks, declared: holds }, ...(context.loss && { loss: context.loss }) };
      const decision = granted(await declaredHolders(updatesOf(twinAlgebra(), blocksOf(deltas)), f, parameters, given));
      const sink = memorySink(d);
      await carryOut(twinAlgebra(), decision.plan, sink);
      return { ...decision, table: [...sink.values].map((value, j) => value + (from[j] as number)) };
    }
    /** A loss that remembers what it was asked of. */
    const losing = (covered: readonly string[], of: (table: Float32Array) => number[]) => {
      const asked: number[][] = [];
      const losses = async (table: Float32Array) => {
        asked.push([...table]);
        return Float64Array.from(of(table));
      };
      return { asked, loss: { covered, losses } satisfies TrustedLoss };
    };
    const db = (count: number) => Array.from({ length: count }, () => ['db']);
    const alike = (count: number) => Array.from({ length: count }, () => [0, 0, 4, 0, 0, 0]);

    test('by the plain mean where coordinates are of no class, and everybody takes part there', async () => {
      const wide = [
        [4, 0, 0, 0, 0, 0, 1, 2],
        [0, 0, 2, 0, 0, 0, 3, 6],
        [0, 0, 0, 0, 0, 0, 5, 1],
      ];
      const { table, selected } = await decide(wide, [['web'], ['db'], []]);
      [4 / 3, 0, 2 / 3, 0, 0, 0, 3, 3].forEach((value, j) => {
        expect(table[j]).toBeCloseTo(value, 6);
      });
      expect(selected).toEqual([0, 1, 2]);
    });

    test('by nobody but holders where every coordinate is of a class', async () => {
      const { selected } = await decide([[4, 0, 0, 0, 0, 0], [0, 0, 2, 0, 0, 0], [0, 0, 0, 0, 0, 0]], [['web'], ['db'], []]); // biome-ignore format: one line
      expect(selected).toEqual([0, 1]);
    });

    test('by the loss of the table that each subset would make, and of what the base has elsewhere', async () => {
      const { asked, loss } = losing(['db'], () => [1]);
      const own = Float32Array.of(0.5, 0.25, 1, 0, 0.75, 2);
      const sent = [[0.5, 0.25, 4, 0, 0.75, 2], [0.5, 0.25, 0, 2, 0.75, 2], [4, 0.25, 1, 0, 0.75, 2]]; // biome-ignore format: one line
      await decide(sent, [['db'], ['db'], ['web']], { loss, base: own });
      // Two of three hold db: of both (4/3, 2/3), of the second alone (0, 4/3), of the first alone (8/3, 0).
      const expected = [[0.5, 0.25, 4 / 3, 2 / 3, 0.75, 2], [0.5, 0.25, 0, 4 / 3, 0.75, 2], [0.5, 0.25, 8 / 3, 0, 0.75, 2]]; // biome-ignore format: one line
      expect(asked.map((table) => table.map((value) => value.toFixed(5)))).toEqual(
        expected.map((table) => table.map((value) => value.toFixed(5))),
      );
    });

    test('finds two who harm only together, of few holders', async () => {
      // The second slot holds 0.8 for each of the two who say 4; only without both is the loss small.
      const { asked, loss } = losing(['db'], (table) => [(table[3] as number) > 0.01 ? 1 : 0.1]);
      const sent = [[0, 0, 0, 4, 0, 0], [0, 0, 0, 4, 0, 0], ...alike(3)]; // biome-ignore format: one line
      const { classes: verdicts } = await decide(sent, db(5), { f: 2, loss });
      expect(verdicts?.[1]?.leftOut).toEqual([0, 1]);
      expect(asked).toHaveLength(1 + 5 + 10);
    });

    test.each([
      [19, 1 + 19 + 171], // All subsets: 191 of them.
      [20, 1 + 20], // 211 would be too many, and leaving one out gains nothing.
    ])('asks the sample of all subsets of %i holders, or of as many as gain anything: %i', async (count, times) => {
      const { asked, loss } = losing(['db'], () => [1]);
      const { classes: verdicts } = await decide(alike(count), db(count), { f: 2, loss });
      expect(asked).toHaveLength(times);
      expect(verdicts?.[1]?.leftOut).toEqual([]);
    });

    test('leaves nobody out for nothing, not all of a class, and none of one that the sample does not hold', async () => {
      const { loss } = losing(['db'], () => [1]);
      const free = await decide(alike(3), db(3), { f: 1, loss, penalty: 1 });
      expect(free.classes?.[1]?.leftOut).toEqual([]);
      const alone = await decide(alike(1), db(1), { f: 1, loss });
      expect(alone.classes?.[1]).toMatchObject({ holders: [0], leftOut: [], f: 0 });
      const { loss: lower, asked } = losing(['db', 'web'], (table) => [table[2] as number, 1]);
      const sent = [[0, 0, 0, 0, 4, 0], [0, 0, 0, 0, 0, 4], [0, 0, 4, 0, 0, 0], [0, 0, 0, 4, 0, 0]]; // biome-ignore format: one line
      const mixed = await decide(sent, [['mail'], ['mail'], ['db'], ['db']], { f: 1, loss: lower });
      expect(mixed.classes?.map(({ leftOut }) => leftOut)).toEqual([[], [2], []]);
      expect(asked.flat().every(Number.isFinite)).toBe(true); // Nobody declares web, which the sample holds.
    });

    test('counts every claim unless it is told to have them corroborated', async () => {
      const { loss } = losing(['db'], () => [1]);
      const knowing = { ...loss, attacksOnly: Uint8Array.of(0, 0, 0, 1, 0, 0) };
      const sent = [[0, 0, 0, 4, 0, 0], ...alike(2)]; // biome-ignore format: one line
      const { table } = await decide(sent, db(3), { f: 1, loss: knowing });
      expect(table[3]).toBeCloseTo(4 / 3, 6);
    });

    test('says how many hold a class, and what f of them can do', async () => {
      const { loss } = losing(['db'], () => [1]);
      const holds = [['db'], ['db'], ['db', 'web'], []];
      const { classes: verdicts } = await decide([...alike(3), [0, 0, 0, 0, 0, 0]], holds, { f: 2, loss });
      expect(verdicts?.map(({ text }) => text)).toEqual([
        '1 cluster declares web, and the sample does not hold it: each makes 1/1 of what the table says of it, liar or not',
        '3 clusters declare db: up to 2 of them are left out if the sample says that they lie',
        'nobody declares mail: it stays as the base has it',
      ]);
    });
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
