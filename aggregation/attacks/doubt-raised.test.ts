import { expect, it } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { normalVectors } from '../algebra/samples.ts';
import { doubtRaised } from './doubt-raised.ts';
import { dot, meanOf } from './honest.ts';
import { medianNorm } from './knowing.ts';

const honest = normalVectors(seededNumbers('doubt'), 9, 20, 0.5);
const base = new Float32Array(20);
const lengthOf = (vector: ArrayLike<number>) => Math.sqrt(dot(vector, vector));

/** Attacks cost more along one axis, normal work along that too and less along another. */
const along =
  (...axes: readonly (readonly [axis: number, slope: number])[]) =>
  async (weights: Float32Array) => {
    const gradient = new Float32Array(20);
    for (const [axis, slope] of axes) gradient[axis] = slope;
    return { loss: 10 + dot(weights, gradient), gradient };
  };
const attacks = along([7, 2]);
const normal = along([7, 1], [3, -1]);
/** A rule that throws out whatever harms normal work, and averages. */
const agreed = async (sent: readonly Float32Array[]) => {
  const mean = meanOf(honest);
  const isHeard = async (row: Float32Array) => (await normal(row)).loss <= (await normal(Float32Array.from(mean))).loss;
  const heard: Float32Array[] = [];
  for (const row of sent) if (await isHeard(row)) heard.push(row);
  return (await attacks(Float32Array.from(meanOf([...honest, ...heard])))).loss;
};

it('raises the loss of the sample’s attacks where the rule hears it, no longer than clipping lets through, the same each time', async () => {
  const scene = { honest, f: 3, seed: 'a', base, attacks, normal, attacksOf: agreed };
  const sent = await doubtRaised(scene);
  expect(sent).toHaveLength(3);
  const [first] = sent as [Float32Array, ...Float32Array[]];
  expect(lengthOf(first)).toBeLessThanOrEqual(1.5 * medianNorm(honest) + 1e-5);
  expect(await agreed(sent)).toBeGreaterThan(await agreed([]));
  expect(first[7]).toBeGreaterThan(meanOf(honest)[7] as number);
  expect(first[3]).toBeGreaterThan(meanOf(honest)[3] as number);
  expect(await doubtRaised(scene)).toEqual(sent);
  const others = await doubtRaised({ ...scene, attacksOf: async ([row]) => -((row as Float32Array)[7] as number) });
  expect((others[0] as Float32Array)[7]).toBeLessThan(first[7] as number);
});
