import { describe, expect, it } from 'vitest';
import { norm } from '../../client/learning/delta.ts';
import type { ClassName } from '../../proto/ids.ts';
import { type UpwardParts, upwardDelta } from './upward-delta.ts';

const plan = { clipNorm: 0, noiseMultiplier: 0 };
const flat = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'weights', shape: [4] }] };
/** Two classes of two counts each, and the norm that every cluster's table has. */
const byClass = {
  architecture: 'test/2',
  hyperparameters: { blocksByClass: true, tableNorm: 10 },
  tensors: [
    { name: 'counts/nginx', shape: [2] },
    { name: 'counts/redis', shape: [2] },
  ],
};
const names = (...classes: string[]) => classes as ClassName[];
const values = (...numbers: number[]) => Float32Array.from(numbers);

function upward(
  parts: Partial<UpwardParts> & Readonly<{ spec?: object; more?: object; approved?: readonly ClassName[] }>,
) {
  const { spec = flat, more = {}, approved = [], ...rest } = parts;
  const invitation = {
    spec,
    approvedClasses: approved,
    plan: { ...plan, ...more },
  } as unknown as UpwardParts['invitation'];
  return upwardDelta({ candidate: values(1, 2, 3, 4), base: values(1, 1, 1, 1), accepted: [], invitation, ...rest });
}

describe('upwardDelta', () => {
  it("is the candidate less the base, clipped to the parent's norm, with what all of its clusters say they trained on", () => {
    const accepted = [{ exampleCount: 5 }, { exampleCount: 7 }];
    expect(upward({ accepted })).toEqual({ delta: values(0, 1, 2, 3), exampleCount: 12 });
    const clipped = upward({ more: { clipNorm: 1 } }).delta;
    expect(norm(clipped)).toBeCloseTo(1, 6);
    expect((clipped[3] as number) / (clipped[1] as number)).toBeCloseTo(3, 5);
  });

  it('has noise where the parent asks for it', () => {
    const { delta } = upward({ more: { clipNorm: 1, noiseMultiplier: 0.5 } });
    expect(delta).not.toEqual(upward({ more: { clipNorm: 1 } }).delta);
    expect(norm(delta)).toBeLessThan(20);
  });

  it('speaks for the classes that its clusters declared and the region is approved for, and is a table as any other', () => {
    const accepted = [
      { exampleCount: 1, classes: names('nginx') },
      { exampleCount: 1, classes: names('nginx', 'redis') },
    ];
    const base = values(2, 2, 2, 2);
    const { delta, classes } = upward({
      ...{ spec: byClass, approved: names('nginx'), accepted, base },
      candidate: values(3, 4, 5, -1e-9),
    });
    expect(classes).toEqual(['nginx']);
    // 3 and 4 brought from norm 5 to norm 10; nothing for redis, which this region may not speak for.
    expect(Array.from(delta, (value, at) => value + (base[at] as number))).toEqual([6, 8, 0, 0]);
    expect(upward({ spec: byClass, approved: names('nginx', 'redis'), accepted }).classes).toEqual(['nginx', 'redis']);
  });
});
