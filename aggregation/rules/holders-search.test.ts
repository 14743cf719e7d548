import { describe, expect, test } from 'vitest';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { TrustedLoss } from '../trusted/trusted-loss.ts';
import { carryOut, updatesOf } from '../updates.ts';
import { declaredHolders } from './declared-holders.ts';

/** Three classes of two slots each. */
const blocks = ['web', 'db', 'mail'].map((name, at) => ({ class: name, ranges: [{ offset: 2 * at, length: 2 }] }));

describe('declaredHolders decides', () => {
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
    const { loss: ofTable } = losing(['db'], (table) => [table[2] as number]);
    const alone = await decide(alike(1), db(1), { f: 1, loss: ofTable });
    expect(alone.classes?.[1]).toMatchObject({ holders: [0], leftOut: [], f: 0 });
    expect(alone.table[2]).toBeCloseTo(4, 6);
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
