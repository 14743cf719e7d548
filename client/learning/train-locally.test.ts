import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededStream } from '../../base/random.ts';
import { parseDigest } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Example } from '../tracks/syscall/traces/example.ts';
import { norm } from './delta.ts';
import type { Plan } from './plan.ts';
import { trackKind as kind } from './testing/histogram/track.ts';
import { type LocalTraining, trainLocally } from './train-locally.ts';

const spec: ModelSpec = { architecture: 'histogram/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [8] }] };
const base = Float32Array.from([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
const plan: Plan = {
  epochs: 3,
  stepsMax: 1_000,
  batchSize: 2,
  learningRate: 0.2,
  clipNorm: 0,
  noiseMultiplier: 0,
  proximalMu: 0,
  seed: 5,
};
const examples: Example[] = [
  [1, 2],
  [1, 3],
  [1, 1],
  [2, 5],
  [6, 6],
].map((calls) => ({ workload: 'nginx', calls: Uint16Array.from(calls) }));

function train(over: Partial<LocalTraining> = {}, planOver: Partial<Plan> = {}) {
  return trainLocally({
    spec,
    base,
    examples,
    hard: [],
    hardRepeats: 4,
    gradientClipNorm: 10,
    plan: { ...plan, ...planOver },
    kind,
    unit: seededStream(1, 'noise'),
    mayGoOn: async () => true,
    ...over,
  });
}

describe('trainLocally', () => {
  it('gives the same bits for the same seed, and others for another', async () => {
    const first = unwrap(await train());
    expect(unwrap(await train()).delta).toEqual(first.delta);
    expect(unwrap(await train({}, { seed: 6 })).delta).not.toEqual(first.delta);
    expect(first).toMatchObject({ steps: 9, exampleCount: 5 });
    expect(first.lastLoss).toBeLessThan(first.firstLoss);
    expect(base[0]).toBe(Math.fround(0.1));
  });

  it('mixes the plan’s share of the trusted sample in, and counts what is this cluster’s alone', async () => {
    const sample: Example[] = [{ workload: 'nginx', calls: Uint16Array.from([7, 7]) }];
    const digest = parseDigest(`sha256:${'a'.repeat(64)}`);
    const mixed = unwrap(await train({ sample }, { sample: { mix: 0.5, digest, sizeBytes: 1 } }));
    const alone = unwrap(await train({ sample }));
    expect(mixed.exampleCount).toBe(5);
    expect(mixed.steps).toBe(15); // As many of the sample as of its own: ten examples in batches of two, three times.
    expect(mixed.delta[7]).toBeGreaterThan(0);
    expect(alone.delta[7]).toBeLessThan(0);
    const third = unwrap(await train({ sample }, { sample: { mix: 1 / 3, digest, sizeBytes: 1 } }));
    expect(third.steps).toBe(12); // Two and a half of the sample, rounded to three: eight in all.
  });

  it('stops at the greatest number of steps', async () => {
    expect(unwrap(await train({}, { stepsMax: 4 })).steps).toBe(4);
  });

  it('clips the delta to the plan’s norm and leaves a shorter one alone', async () => {
    const free = unwrap(await train());
    const clipped = unwrap(await train({}, { clipNorm: free.deltaNorm / 3 }));
    expect(norm(clipped.delta)).toBeCloseTo(free.deltaNorm / 3, 6);
    expect(unwrap(await train({}, { clipNorm: free.deltaNorm * 3 })).delta).toEqual(free.delta);
  });

  it('adds noise of noise multiplier times clip norm', async () => {
    const wide: ModelSpec = { ...spec, tensors: [{ name: 'w', shape: [40_000] }] };
    const over = { spec: wide, base: new Float32Array(40_000) };
    const still = unwrap(await train(over, { clipNorm: 0.5 }));
    const noisy = unwrap(await train(over, { clipNorm: 0.5, noiseMultiplier: 3 }));
    const noise = noisy.delta.map((value, at) => value - (still.delta[at] ?? 0));
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    // Standard errors: 0.0075 of the mean, 0.0053 of the deviation.
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(norm(noise) / Math.sqrt(noise.length)).toBeGreaterThan(1.47);
    expect(norm(noise) / Math.sqrt(noise.length)).toBeLessThan(1.53);
  });

  it('stays closer to the base under a proximal term', async () => {
    const free = unwrap(await train({}, { epochs: 20 }));
    const held = unwrap(await train({}, { epochs: 20, proximalMu: 2 }));
    expect(held.deltaNorm).toBeLessThan(free.deltaNorm / 2);
  });

  it('lets replayed false positives pull harder than they would as ordinary examples', async () => {
    const marked: Example = { workload: 'nginx', calls: Uint16Array.from([7, 7, 7, 7]) };
    const ordinary = unwrap(await train({ examples: [...examples, marked] }));
    const replayed = unwrap(await train({ hard: [marked] }));
    expect(replayed.delta[7] ?? 0).toBeGreaterThan(ordinary.delta[7] ?? 0);
    expect(replayed.exampleCount).toBe(6);
  });

  it('refuses to send what diverged, what was stopped and what learnt from nothing', async () => {
    const poison: Example = { workload: 'nginx', calls: Uint16Array.of(65_535) };
    expect(await train({ examples: [poison] })).toMatchObject({ fault: { code: 'TRAINING_DIVERGED' } });
    expect(await train({}, { learningRate: Number.MAX_VALUE })).toMatchObject({ fault: { code: 'TRAINING_DIVERGED' } });
    expect(await train({ examples: [] })).toMatchObject({ fault: { code: 'NO_EXAMPLES' } });
    let asked = 0;
    const stopped = await train({
      mayGoOn: async () => {
        asked += 1;
        return asked < 3;
      },
    });
    expect(stopped).toMatchObject({ fault: { code: 'TRAINING_STOPPED', fields: { steps: 2 } } });
  });
});
