import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { aggregate } from '../aggregate.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memoryBlocks, memorySink } from '../blocks/blocks.ts';
import { geometryOf } from '../geometry.ts';
import { parsePolicy } from '../policy.ts';
import { type Place, placesOf } from './places.ts';
import { principalAxes } from './principal-axes.ts';
import { Sketch, sketchBuckets } from './sketch.ts';

type Rows = readonly ArrayLike<number>[];

const apart = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.sqrt(Array.from(a).reduce((sum, value, at) => sum + (value - (b[at] as number)) ** 2, 0));

/** Rows of n normal values each, and the same from the same seed. */
function drawn(n: number, d: number, seed = 'rows'): Float32Array[] {
  const numbers = seededNumbers(seed);
  return Array.from({ length: n }, () => Float32Array.from({ length: d }, () => numbers.normal()));
}

/** The sketches of rows and of a point, cut into slots of `slot` columns. */
async function sketched(rows: readonly Float32Array[], point: Float64Array, seed: string, slot = point.length) {
  const blocks = memoryBlocks(rows);
  if (!blocks.ok) throw new Error(blocks.fault.message);
  const sketch = new Sketch(rows.length + 1, point.length, seed);
  const slots = [];
  for (let offset = 0; offset < point.length; offset += slot) {
    slots.push({ name: `t${offset}`, offset, length: Math.min(slot, point.length - offset) });
  }
  await geometryOf(blocks.value, point, slots, sketch);
  return Array.from({ length: rows.length + 1 }, (_, row) =>
    sketch.values.subarray(row * sketchBuckets, (row + 1) * sketchBuckets),
  );
}

describe('a sketch', () => {
  it('is the row itself up to 64 values', async () => {
    const rows = drawn(3, 64);
    const sketches = await sketched(rows, new Float64Array(64), 'any');
    for (const [at, row] of rows.entries()) expect([...(sketches[at] as Float64Array)]).toEqual([...row]);
  });

  it('adds each column once, with a sign, into one bucket, whatever the slots are', async () => {
    // Powers of two below 2^53 show which columns are in a bucket and with which sign.
    const [d, at] = [3_000, 1_999];
    const one = new Float32Array(d);
    one[at] = 8;
    const [spike, rest] = await sketched([one, Float32Array.from({ length: d }, () => 1)], new Float64Array(d), 'seed');
    expect([...(spike as Float64Array)].filter((value) => value !== 0).map(Math.abs)).toEqual([8]);
    const counted = [...(rest as Float64Array)];
    expect(counted.reduce((sum, value) => sum + Math.abs(value), 0)).toBeLessThan(d);
    expect(Math.abs((counted.reduce((sum, value) => sum + value, 0) - d) % 2)).toBe(0);
    const cut = await sketched([one, Float32Array.from({ length: d }, () => 1)], new Float64Array(d), 'seed', 77);
    expect([...(cut[1] as Float64Array)]).toEqual(counted);
  });

  it.each([3_000, 200_000])(
    'keeps distances of rows of %i values within four of its standard deviations',
    async (d) => {
      const rows = drawn(6, d);
      const sketches = await sketched(rows, new Float64Array(d), 'another');
      for (let a = 0; a < rows.length; a++) {
        for (let b = 0; b < a; b++) {
          const ratio =
            apart(sketches[a] as Float64Array, sketches[b] as Float64Array) / apart(rows[a] as never, rows[b] as never);
          expect(Math.abs(ratio ** 2 - 1)).toBeLessThan(4 * Math.sqrt(2 / sketchBuckets));
        }
      }
      const other = await sketched(rows, new Float64Array(d), 'a seed that nobody could foresee');
      expect([...(other[0] as Float64Array)]).not.toEqual([...(sketches[0] as Float64Array)]);
    },
  );
});

it('principal axes are those that the matrix was made of, and point one way', () => {
  const k = 5;
  const axes = [[3, 0, -4, 0, 0].map((value) => value / 5), [0, -1, 0, 0, 0]] as const;
  const matrix = new Float64Array(k * k);
  for (const [at, value] of [7, 2].entries()) {
    for (let p = 0; p < k; p++) {
      for (let q = p; q < k; q++) {
        const cell = p * k + q;
        matrix[cell] = (matrix[cell] as number) + value * (axes[at]?.[p] as number) * (axes[at]?.[q] as number);
      }
    }
  }
  const found = principalAxes(matrix, k);
  expect(found.values[0]).toBeCloseTo(7, 12);
  expect(found.values[1]).toBeCloseTo(2, 12);
  expect(found.total).toBeCloseTo(9, 12);
  for (const [at, value] of [-0.6, 0, 0.8, 0, 0].entries()) expect(found.axes[0][at]).toBeCloseTo(value, 12);
  for (const [at, value] of [0, 1, 0, 0, 0].entries()) expect(found.axes[1][at]).toBeCloseTo(value, 12);
  expect(principalAxes(new Float64Array(4), 2)).toMatchObject({ values: [0, 0], total: 0 });
});

it('principal axes are the same to the bit as those that earlier rounds have recorded', () => {
  const k = sketchBuckets;
  const matrix = new Float64Array(k * k);
  for (const row of drawn(20, k, 'axes')) {
    for (let p = 0; p < k; p++) {
      for (let q = p; q < k; q++) {
        matrix[p * k + q] = (matrix[p * k + q] as number) + (row[p] as number) * (row[q] as number);
      }
    }
  }
  const { axes, values, total } = principalAxes(matrix, k);
  const hash = createHash('sha256');
  for (const part of [...axes, Float64Array.of(...values, total)]) hash.update(new Uint8Array(part.buffer));
  expect(hash.digest('hex')).toBe('23f9fc2ed35df2767ec7bd17860935420a433fb4484f405fbb6d768e378d60ba');
});

/** Rows of up to 64 values as sketches, with an aggregate. */
function placed(rows: Rows, aggregated: ArrayLike<number>, factors = new Float64Array(rows.length).fill(1)) {
  const sketches = new Float64Array((rows.length + 1) * sketchBuckets);
  for (const [row, values] of [...rows, aggregated].entries()) sketches.set(Array.from(values), row * sketchBuckets);
  return placesOf(sketches, factors);
}

const distances = (places: readonly Place[]) => places.map((a) => places.map((b) => apart(a, b)));

it.each([
  [3_000, '76ad2ddbd3595b18773bfbb6436e71cfbe1370881cc135137eeeca21f6240acd'],
  [70_001, '9ba110faf02bca5e21555adceaa39e27d32a9f93c4cb9a7684e998b767dd3709'],
])('a sketch of %i values is the same to the bit as those that earlier rounds have recorded', async (d, recorded) => {
  const hash = createHash('sha256');
  const point = Float64Array.from({ length: d }, (_, at) => at / 7);
  for (const sketch of await sketched(drawn(2, d, 'sketch'), point, 'recorded', 999))
    hash.update(new Uint8Array(sketch.slice().buffer));
  expect(hash.digest('hex')).toBe(recorded);
});

describe('places', () => {
  it('are true to the distances of rows that lie in a plane, the aggregate among them', () => {
    const flat = [
      [0, 0],
      [3, 1],
      [-2, 4],
      [40, -7],
    ];
    // The same plane, turned in four dimensions, and moved away from the origin.
    const turned = flat.map(([x = 0, y = 0]) => [100 + 0.6 * x, 7 + 0.8 * x, y * 0.8, y * -0.6]);
    const { share, rows, aggregate: place } = placed(turned.slice(0, 3), turned[3] as number[]);
    expect(share).toBe(1);
    const [found, wanted] = [distances([...rows, place]), distances(flat as unknown as Place[])];
    for (const [a, row] of wanted.entries()) {
      for (const [b, value] of row.entries()) expect(found[a]?.[b]).toBeCloseTo(value, 1);
    }
  });

  it('say how much of the distances the plane does not hold', () => {
    const corners = Array.from({ length: 4 }, (_, at) =>
      Float64Array.from({ length: 4 }, (_, i) => (i === at ? 1 : 0)),
    );
    expect(placed(corners, new Float64Array(4)).share).toBe(0.667); // A tetrahedron: two of three equal axes.
    expect(placed([[5], [5]], [5])).toEqual({
      share: 1,
      rows: [
        [0, 0],
        [0, 0],
      ],
      aggregate: [0, 0],
    });
  });

  it('scale what was clipped, and nothing else', () => {
    const rows = [
      [1, 0],
      [-1, 0],
      [0, 50],
    ];
    const { rows: found } = placed(rows, [0, 0], Float64Array.from([1, 1, 0.02]));
    expect(apart(found[2] as Place, found[0] as Place)).toBeCloseTo(Math.SQRT2, 2);
  });

  it('of honest updates lie together, of those that agree on another model elsewhere, and are in no report that did not ask', async () => {
    const honest = drawn(8, 5_000).map((row) => row.map((value) => 0.1 * value + 1));
    const together = drawn(3, 5_000, 'liars').map((row) => row.map((value) => 0.1 * value - 3));
    const blocks = memoryBlocks([...honest, ...together]);
    const policy = parsePolicy({
      f: 3,
      admission: { normMax: 1_000, zeroUpdate: 'refuse' },
      before: [{ kind: 'clip', norm: 90 }],
      rule: { kind: 'multiKrum', keep: { kind: 'allButF' } },
    });
    if (!blocks.ok || !policy.ok) throw new Error('a legal policy');
    const report = async (places?: string) => {
      const asked = { ...(places !== undefined && { places }) };
      const made = await aggregate(policy.value, blocks.value, twinAlgebra(), memorySink(5_000), asked);
      if (!made.ok) throw new Error(made.fault.message);
      return made.value.report;
    };
    const { map, updates } = await report('a seed');
    const places = updates.map(({ place }) => place as Place);
    const [good, bad] = [places.slice(0, 8), places.slice(8)];
    const widest = (some: readonly Place[]) => Math.max(...distances(some).flat());
    const gap = Math.min(...good.flatMap((a) => bad.map((b) => apart(a, b))));
    expect(gap).toBeGreaterThan(4 * Math.max(widest(good), widest(bad)));
    expect(Math.max(...good.map((place) => apart(place, map?.aggregate as Place)))).toBeLessThan(gap / 4);
    // Clipped to 90, the liars are at most 90 + 71 away from the honest: unclipped they would be at 283.
    expect(gap).toBeLessThan(200);
    expect(await report('a seed')).toEqual(await report('a seed'));
    const { map: none, ...plain } = await report();
    expect(none).toBeUndefined();
    const { map: _, ...rest } = await report('a seed');
    expect({ ...rest, updates: rest.updates.map(({ place: _, ...update }) => update) }).toEqual(plain);
  });
});
