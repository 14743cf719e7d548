import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCosts, epsilonAt, gaussianCost, orders } from './accountant.ts';

/** Mironov's conversion of 2017, in which the older figures were published: ε = RDP + log(1/δ) / (α − 1). */
function classicEpsilon(cost: readonly number[], delta: number): number {
  return Math.min(...orders.map((order, index) => (cost[index] as number) + Math.log(1 / delta) / (order - 1)));
}

describe('accountant', () => {
  it('gives the 1.26 of Abadi et al. 2016 for q = 0.01, noise 4, 10,000 steps at δ = 1e-5', () => {
    expect(classicEpsilon(gaussianCost(4, 0.01, 10_000), 1e-5)).toBeCloseTo(1.26, 2);
  });

  it('gives the 3.01 of TensorFlow Privacy’s MNIST tutorial (batch 256 of 60,000, noise 1.1, 60 epochs)', () => {
    const steps = Math.ceil((60 * 60_000) / 256);
    expect(classicEpsilon(gaussianCost(1.1, 256 / 60_000, steps), 1e-5)).toBeCloseTo(3.01, 1);
  });

  it('matches the closed form of the plain Gaussian mechanism', () => {
    const cost = gaussianCost(2, 1, 1);
    expect(cost[orders.indexOf(10)]).toBeCloseTo(10 / 8, 12);
    // Every record sampled is no sampling: the sum must approach the closed form.
    expect(gaussianCost(2, 1 - 1e-12, 1)[orders.indexOf(10)]).toBeCloseTo(10 / 8, 6);
  });

  it('is tighter than the conversion of 2017, and never below the exact epsilon of one Gaussian mechanism', () => {
    const cost = gaussianCost(5, 1, 1);
    const { epsilon } = epsilonAt(cost, 1e-5);
    expect(epsilon).toBeLessThan(classicEpsilon(cost, 1e-5));
    // Balle and Wang 2018, analytic Gaussian mechanism: sigma 5, delta 1e-5.
    expect(epsilon).toBeGreaterThanOrEqual(exactGaussianEpsilon(5, 1e-5));
  });

  it('adds up: many rounds cost what their sum costs, and more noise, rarer sampling or fewer rounds cost less', () => {
    const arbitrary = fc.record({
      noise: fc.double({ min: 0.5, max: 10, noNaN: true }),
      sampling: fc.double({ min: 0.001, max: 1, noNaN: true }),
      uses: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ noise, sampling, uses }) => {
        const epsilon = (n: number, q: number, t: number) => epsilonAt(gaussianCost(n, q, t), 1e-6).epsilon;
        const total = addCosts(gaussianCost(noise, sampling, uses), gaussianCost(noise, sampling, 1));
        expect(epsilonAt(total, 1e-6).epsilon).toBeCloseTo(epsilon(noise, sampling, uses + 1), 6);
        expect(epsilon(noise * 1.5, sampling, uses)).toBeLessThanOrEqual(epsilon(noise, sampling, uses));
        expect(epsilon(noise, sampling / 2, uses)).toBeLessThanOrEqual(epsilon(noise, sampling, uses) + 1e-9);
        expect(epsilon(noise, sampling, uses)).toBeLessThanOrEqual(epsilon(noise, sampling, uses + 1));
      }),
    );
  });

  it('refuses parameters that mean nothing', () => {
    expect(() => gaussianCost(0, 1, 1)).toThrow(RangeError);
    expect(() => gaussianCost(1, 1.1, 1)).toThrow(RangeError);
    expect(() => epsilonAt(gaussianCost(1, 1, 1), 0)).toThrow(RangeError);
  });
});

/** Smallest ε with Φ(1/2σ − εσ) − e^ε Φ(−1/2σ − εσ) ≤ δ, by bisection. */
function exactGaussianEpsilon(sigma: number, delta: number): number {
  const deltaOf = (epsilon: number) =>
    normal(1 / (2 * sigma) - epsilon * sigma) - Math.exp(epsilon) * normal(-1 / (2 * sigma) - epsilon * sigma);
  let low = 0;
  let high = 50;
  for (let turn = 0; turn < 100; turn += 1) {
    const middle = (low + high) / 2;
    if (deltaOf(middle) > delta) low = middle;
    else high = middle;
  }
  return high;
}

/** The normal distribution function, by Simpson's rule from -12: good to 1e-12 here. */
function normal(x: number): number {
  const pieces = 4_000;
  const width = (x + 12) / pieces;
  if (width <= 0) return 0;
  let sum = 0;
  for (let index = 0; index <= pieces; index += 1) {
    const weight = index === 0 || index === pieces ? 1 : index % 2 === 1 ? 4 : 2;
    sum += weight * Math.exp(-((-12 + index * width) ** 2) / 2);
  }
  return (sum * width) / 3 / Math.sqrt(2 * Math.PI);
}
