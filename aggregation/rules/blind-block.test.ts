import { describe, expect, test } from 'vitest';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { updatesOf } from '../updates.ts';
import { blindBlock, heardRows, letThrough, verdictOf } from './blind-block.ts';

describe('heardRows', () => {
  test('hears who teaches a tenth of what the median row does, and no less', () => {
    // The median row is -10: a tenth of it is just enough.
    expect(heardRows(Float64Array.of(-10, -12, -10, -11, -1, -0.9, 3))).toEqual([
      ...[true, true, true, true, true, false, false],
    ]);
  });

  test('hears everybody where the median row teaches nothing', () => {
    expect(heardRows(Float64Array.of(-3, 0, 2))).toEqual([true, true, true]);
    expect(heardRows(Float64Array.of(-3, 1, 2))).toEqual([true, true, true]);
  });
});

describe('blindBlock', () => {
  const said = async (rule: 'coordinateMedian' | 'geometricMedian' | 'evidence', normMax = 100) => {
    const rows = [[0, 0], [0, 3], [5, 1]].map((row) => Float32Array.from(row)); // biome-ignore format: one line
    return granted(await blindBlock(updatesOf(twinAlgebra(), blocksOf(rows)), rule, normMax));
  };

  test('goes by the rule that it is told', async () => {
    expect([...(await said('coordinateMedian'))]).toEqual([0, 1]);
    const [x = 0, y = 0] = await said('geometricMedian');
    // At the geometric median the directions to the rows cancel out.
    const pull = [[0, 0], [0, 3], [5, 1]].map(([a = 0, b = 0]) => [a - x, b - y].map((each) => each / Math.hypot(a - x, b - y))); // biome-ignore format: one line
    expect(Math.hypot(...[0, 1].map((j) => pull.reduce((sum, each) => sum + (each[j] as number), 0)))).toBeLessThan(
      0.01,
    );
    expect([...(await said('evidence'))].map((value) => value.toFixed(6))).toEqual(['1.666667', '1.333333']);
  });

  test('believes nobody beyond the length that it is given', async () => {
    const block = await said('evidence', 2.5);
    const shorter = 2.5 / Math.hypot(5, 1);
    expect(block[0]).toBeCloseTo((5 * shorter) / 3, 6);
    expect(block[1]).toBeCloseTo((2.5 + shorter) / 3, 6);
  });
});

describe('letThrough', () => {
  const known = new Float64Array(3);
  const block = (offset: number, value: number) => ({
    ranges: [{ offset, length: 1 }],
    values: Float64Array.of(value),
  });
  async function scalesOf(loss: (delta: Float64Array) => number, values: readonly number[]) {
    let asked = 0;
    const counted = async (delta: Float64Array) => {
      asked += 1;
      return loss(delta);
    };
    return { scales: await letThrough(counted, known, values.map((value, at) => block(at, value)), 1), asked }; // biome-ignore format: one line
  }
  const sum = (delta: Float64Array) => delta.reduce((total, value) => total + value, 0);

  test('lets all through by two losses where together they cost no more than they may, to the bit', async () => {
    expect(await scalesOf(sum, [0.5, 0.5])).toEqual({ scales: [1, 1], asked: 2 });
  });

  test('halves a block until it costs no more than it may, twice at most, and then leaves it out', async () => {
    expect((await scalesOf(sum, [1, 2, 4])).scales).toEqual([1, 0.5, 0.25]);
    expect((await scalesOf(sum, [8, 1, 0.5])).scales).toEqual([0, 1, 1]);
  });

  test('leaves out what makes a loss that is no number', async () => {
    const broken = (delta: Float64Array) => (delta[0] === 0 ? sum(delta) : Number.NaN);
    expect((await scalesOf(broken, [0.1, 0.5])).scales).toEqual([0, 1]);
  });
});

describe('verdictOf', () => {
  type Standing = Parameters<typeof verdictOf>[1];
  const heard = Array<boolean>(6).fill(true);
  const standing: Standing = {
    ...{ covered: false, holders: [0, 1, 2, 4, 5], heard, f: 2, takenBack: 0.125 },
    blind: 'geometricMedian',
  };
  const verdict = (more: Partial<Standing>) => verdictOf('web', { ...standing, ...more });

  test('counts on the sample where it holds the class: nobody is left out there', () => {
    expect(verdict({ covered: true, heard: [false, false, false, false, false, false] })).toEqual({
      ...{ class: 'web', covered: true, holders: [0, 1, 2, 4, 5], leftOut: [], f: 2 },
      text: 'the sample holds web: what harms it gets no weight, whoever sends it',
    });
  });

  test('counts on the median of who declares the class, and says whether that is f', () => {
    expect(verdict({})).toMatchObject({
      ...{ leftOut: [], f: 2 },
      text: 'the sample does not hold web; the median of the 5 that declare it withstands f = 2',
    });
    expect(verdict({ f: 3, heard: [true, false, true, true, true, true] })).toMatchObject({
      ...{ leftOut: [1], f: 2 },
      text: 'the sample does not hold web, and 5 clusters declare it: fewer than 2f + 1, so 2 liars among them are withstood, not f = 3; 1 of them teach nothing that the sample holds, and are not heard',
    });
    expect(verdict({ holders: [4] }).text).toContain(', and 1 cluster declares it: fewer than 2f + 1, so 0 liars');
  });

  test('promises nothing where nobody is asked', () => {
    expect(verdict({ blind: 'shares', heard: [false, false, false, false, false, false] })).toMatchObject({
      ...{ leftOut: [], f: 0 },
      text: 'the sample does not hold web, and nobody who declares it is asked: nothing is promised of it',
    });
    expect(verdict({ holders: [] }).text).toBe(
      'the sample does not hold web, and nobody declares it: nothing is promised of it',
    );
    expect(verdict({ holders: [0, 1], heard: [false, false] }).text).toBe(
      'the sample does not hold web, and 2 clusters declare it, none of which teaches what the sample does hold: nobody is believed, and it stays as it was',
    );
  });

  test('says what liars can do to evidence, and by contrast what the sample took back', () => {
    const thin =
      'the sample does not hold web, and 5 clusters declare it: what an honest one teaches of it liars can thin, each by 1/5, and not take away';
    expect(verdict({ blind: 'evidence' }).text).toBe(thin);
    expect(verdict({ blind: 'contrast' }).text).toBe(`${thin}; 12.5 % of it the sample takes back as something else`);
  });
});
