import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { normalVectors } from '../algebra/samples.ts';
import { dot, meanOf } from './honest.ts';
import { classKill, drift, medianNorm, sleeper, sybils, tailored, twoFaced, whitelisting } from './knowing.ts';

const honest = normalVectors(seededNumbers('knowing'), 9, 20, 0.5);
const axis = (j: number) => Float32Array.from({ length: 20 }, (_, k) => (k === j ? 2 : 0));
const scene = { honest, f: 3, seed: 'a' };
const lengthOf = (vector: ArrayLike<number>) => Math.sqrt(dot(vector, vector));

describe('tailored', () => {
  /** A rule that throws out whatever is longer than 1.2 medians, and a federation that suffers along one axis alone. */
  const limit = 1.2 * medianNorm(honest);
  const damageOf = async (sent: readonly Float32Array[]) =>
    sent.reduce((sum, vector) => sum + (lengthOf(vector) > limit ? 0 : (vector[7] as number)), 0);

  test('finds the direction that hurts and the length that the rule lets through', async () => {
    const sent = await tailored({ ...scene, directions: [axis(3), axis(7), axis(12)], damageOf });
    expect(sent).toHaveLength(3);
    const [first] = sent as [Float32Array, ...Float32Array[]];
    expect(lengthOf(first)).toBeLessThanOrEqual(limit);
    expect(await damageOf(sent)).toBeGreaterThan(3 * (meanOf(honest)[7] as number));
    expect(await tailored({ ...scene, directions: [axis(3), axis(7), axis(12)], damageOf })).toEqual(sent);
  });

  test('stays silent where nothing does damage', async () => {
    const sent = await tailored({
      ...scene,
      directions: [axis(3)],
      damageOf: async (rows) => -Math.max(...rows.map(lengthOf)),
    });
    expect(sent.every((vector) => vector.every((value) => value === 0))).toBe(true);
  });
});

test('classKill › goes one and a half medians along its direction, whatever its length', () => {
  const [sent] = classKill(scene, axis(4)) as [Float32Array];
  expect(lengthOf(sent)).toBeCloseTo(1.5 * medianNorm(honest), 4);
  expect(sent[4]).toBeCloseTo(lengthOf(sent), 4);
});

test('drift › is the honest mean and a little more, always the same way', () => {
  const [sent] = drift(scene, axis(4)) as [Float32Array];
  const mean = meanOf(honest);
  sent.forEach((value, j) => {
    expect(value).toBeCloseTo((mean[j] as number) + (j === 4 ? 0.3 * medianNorm(honest) : 0), 4);
  });
});

test('twoFaced › is honest work but for the blind places, where the lie is as long as it is told to be', () => {
  const own = axis(2);
  const sent = twoFaced(own, [{ offset: 6, lie: [3, 0, -4] }], 10);
  expect([...sent.subarray(6, 9)]).toEqual([6, 0, -8]);
  expect(sent.map((value, j) => (j >= 6 && j < 9 ? (own[j] as number) : value))).toEqual(own);
});

test('sleeper › works until it wakes', () => {
  const said = (round: number) => sleeper(round, 7, () => 'honest', () => 'attack'); // biome-ignore format: one line
  expect([1, 6, 7, 8].map(said)).toEqual(['honest', 'honest', 'attack', 'attack']);
});

test('whitelisting and sybils › keep the norm that honest tables have', () => {
  const own = axis(0);
  const mixed = whitelisting(
    own,
    axis(1).map((value) => 9 * value),
    0.25,
  );
  expect(lengthOf(mixed)).toBeCloseTo(2, 5);
  expect([mixed[0], mixed[1]]).toEqual([expect.closeTo(2 * Math.sqrt(0.75), 5), expect.closeTo(1, 5)]);
  const [one, two] = sybils(2, axis(5), 4) as [Float32Array, Float32Array];
  expect(lengthOf(one)).toBeCloseTo(4, 5);
  expect(two).toEqual(one);
});
