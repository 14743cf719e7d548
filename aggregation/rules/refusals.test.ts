import { expect, test } from 'vitest';
import { blocksOf } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import type { DeclaredClasses } from '../class-blocks.ts';
import type { Aggregated } from '../fault.ts';
import { leastSquares } from '../trusted/least-squares.ts';
import { type Decision, updatesOf } from '../updates.ts';
import { blindBlock } from './blind-block.ts';
import { bulyan } from './bulyan.ts';
import { centredClipping } from './centred-clipping.ts';
import { coordinateMedian, trimmedMean } from './coordinate-wise.ts';
import { declaredHolders } from './declared-holders.ts';
import { fltrust } from './fltrust.ts';
import { geometricMedian } from './geometric-median.ts';
import { krum } from './krum.ts';
import { minimumDiameterAveraging } from './mda.ts';
import { mean } from './mean.ts';
import { multiKrum } from './multi-krum.ts';
import { trustedWeights } from './trusted-weights.ts';

/** n updates of two values. */
const rows = (n: number) => {
  const all = blocksOf(Array.from({ length: Math.max(1, n) }, (_, row) => Float32Array.of(row + 1, -row)));
  return updatesOf(twinAlgebra(), n === 0 ? all.pick([]) : all);
};
const weiszfeld = { smoothing: 1e-6, tolerance: 1e-7, stepsMax: 200, start: 'mean' } as const;
const shared = { rho: 0.05, clip: 1.5, split: false, stepsMax: 200, blind: 'shares' } as const;
const base = new Float32Array(2);
const sample = [{ class: 'web', features: [1, 1], value: 1 }];
const trusted = { loss: leastSquares(sample) };
const untold = { covered: ['web'], losses: trusted.loss.losses };
const classes: DeclaredClasses = { blocks: [], declared: [[], [], [], []] };
const by = (more: Partial<typeof shared> & object, f = 1, loss = trusted.loss) =>
  trustedWeights(rows(4), f, { ...shared, ...more }, { trusted: { loss }, base });

test.each<[string, () => Promise<Aggregated<Decision | Float64Array>>, string, string | RegExp]>([
  ['krum', () => krum(rows(4), 1), 'N_TOO_SMALL', /^Krum needs n >= 2f \+ 3: f=1 takes at least 5 updates, got 4; /],
  ['multi-krum', () => multiKrum(rows(4), 1, 1), 'N_TOO_SMALL', /^Multi-Krum needs n >= 2f \+ 3: f=1 takes at least 5/],
  ['multi-krum, m', () => multiKrum(rows(5), 1, 0), 'M_OUT_OF_RANGE', 'm must be an integer in 1..5, got 0'],
  ['multi-krum, m', () => multiKrum(rows(5), 1, 6), 'M_OUT_OF_RANGE', 'm must be an integer in 1..5, got 6'],
  [
    'bulyan',
    () => bulyan(rows(6), 1),
    'N_TOO_SMALL',
    /^Bulyan needs n >= 4f \+ 3: f=1 takes at least 7 updates, got 6/,
  ],
  ['the median', () => coordinateMedian(rows(4), 2), 'N_TOO_SMALL', /^the coordinate median needs n >= 2f \+ 1: f=2 /],
  ['the trimmed mean', () => trimmedMean(rows(0), 0), 'EMPTY_INPUT', 'need at least one update'],
  ['its trim', () => trimmedMean(rows(5), 3), 'TRIM_OUT_OF_RANGE', 'trim must be an integer in 0..2, got 3'],
  ['its trim', () => trimmedMean(rows(5), -1), 'TRIM_OUT_OF_RANGE', 'trim must be an integer in 0..2, got -1'],
  ['the mean', () => mean(rows(0)), 'EMPTY_INPUT', 'need at least one update'],
  [
    'its weights',
    () => mean(rows(3), Float64Array.of(1, 1)),
    'LENGTH_MISMATCH',
    'need one weight for each of the 3 updates, got 2',
  ],
  ...[
    [2, -1, 1],
    [0, 0, 0],
    [1, Number.NaN, 1],
    [1, Number.POSITIVE_INFINITY, 1],
    [-1, -1, -1],
  ].map((weights): [string, () => Promise<Aggregated<Decision>>, string, string] => [
    `weights ${weights}`,
    () => mean(rows(3), Float64Array.from(weights)),
    'PARAMETER_OUT_OF_RANGE',
    'weights must be finite, at least 0, and not all 0',
  ]),
  [
    'weights whose sum is not finite',
    () => mean(rows(2), new Float64Array(2).fill(Number.MAX_VALUE)),
    'PARAMETER_OUT_OF_RANGE',
    'weights must be finite, at least 0, and not all 0',
  ],
  [
    'mda',
    () => minimumDiameterAveraging(rows(4), 2),
    'N_TOO_SMALL',
    /^minimum-diameter averaging needs n >= 2f \+ 1: /,
  ],
  [
    'mda of many',
    () => minimumDiameterAveraging(rows(25), 6),
    'TOO_MANY_SUBSETS',
    'minimum-diameter averaging of n=25 can afford f in 0..5, got 6',
  ],
  [
    'the point',
    () => geometricMedian(rows(4), 2, weiszfeld),
    'N_TOO_SMALL',
    /^the geometric median needs n >= 2f \+ 1/,
  ],
  ...(
    [
      [{ smoothing: 0 }, 'smoothing must be a finite number above 0, got 0'],
      [{ smoothing: Number.NaN }, 'smoothing must be a finite number above 0, got NaN'],
      [{ stepsMax: 0 }, 'stepsMax must be an integer in 1..100000, got 0'],
      [{ stepsMax: 100_001 }, 'stepsMax must be an integer in 1..100000, got 100001'],
      [{ tolerance: -1 }, 'tolerance must be a finite number above 0, got -1'],
      [{ tolerance: Number.NaN }, 'tolerance must be a finite number above 0, got NaN'],
    ] as const
  ).map(([change, text]): [string, () => Promise<Aggregated<Decision>>, string, string] => [
    text,
    () => geometricMedian(rows(4), 1, { ...weiszfeld, ...change }),
    'PARAMETER_OUT_OF_RANGE',
    text,
  ]),
  [
    'clipping',
    () => centredClipping(rows(4), 2, { radius: 1, steps: 1 }),
    'N_TOO_SMALL',
    /^centred clipping needs n >= 2f \+ 1/,
  ],
  ...(
    [
      [{ radius: 0, steps: 1 }, 'radius must be a finite number above 0, got 0'],
      [{ radius: Number.POSITIVE_INFINITY, steps: 1 }, 'radius must be a finite number above 0, got Infinity'],
      [{ radius: 1, steps: 0 }, 'steps must be an integer in 1..1000, got 0'],
      [{ radius: 1, steps: 1.5 }, 'steps must be an integer in 1..1000, got 1.5'],
      [{ radius: 1, steps: 1001 }, 'steps must be an integer in 1..1000, got 1001'],
    ] as const
  ).map(([parameters, text]): [string, () => Promise<Aggregated<Decision>>, string, string] => [
    text,
    () => centredClipping(rows(4), 1, parameters),
    'PARAMETER_OUT_OF_RANGE',
    text,
  ]),
  [
    'a start of another length',
    () => centredClipping(rows(4), 1, { radius: 1, steps: 1 }, new Float64Array(3)),
    'LENGTH_MISMATCH',
    'the start has 3 values where updates have 2',
  ],
  [
    'a start that is not finite',
    () => centredClipping(rows(4), 1, { radius: 1, steps: 1 }, Float64Array.of(0, Number.NaN)),
    'NON_FINITE',
    'the start holds a value that is not finite; pass the last good aggregate, or none',
  ],
  ['trusted weights', () => by({}, 4), 'N_TOO_SMALL', /^a rule with a trusted sample needs n >= f \+ 1: f=4 /],
  ['rho', () => by({ rho: 0 } as never), 'PARAMETER_OUT_OF_RANGE', 'rho must be a finite number above 0, got 0'],
  ['clip', () => by({ clip: -1 } as never), 'PARAMETER_OUT_OF_RANGE', 'clip must be a finite number above 0, got -1'],
  ...[0, 1.5, 1001].map((stepsMax): [string, () => Promise<Aggregated<Decision>>, string, string] => [
    'steps',
    () => by({ stepsMax } as never),
    'PARAMETER_OUT_OF_RANGE',
    `stepsMax must be an integer in 1..1000, got ${stepsMax}`,
  ]),
  [
    'a split that the model does not have',
    () => by({ split: true } as never, 1, leastSquares(sample, 'gradient')),
    'POLICY_INVALID',
    'split clipping is for models whose outputs are linear in their weights; set split to false',
  ],
  [
    'a loss without a gradient',
    () => by({}, 1, untold),
    'POLICY_INVALID',
    'trusted weights need a detector that gives its loss a gradient; choose another rule',
  ],
  ['FLTrust', () => fltrust(rows(3), 3, { trusted, base }), 'N_TOO_SMALL', /^FLTrust needs n >= f \+ 1: f=3 /],
  [
    'FLTrust without a direction',
    () => fltrust(rows(3), 1, { trusted: { loss: untold }, base }),
    'CONTEXT_MISSING',
    'FLTrust needs an update of the server itself, or a loss with a gradient',
  ],
  [
    'declared holders, f',
    () => declaredHolders(rows(4), -1, { penalty: 1.4 }, { base, classes }),
    'F_INVALID',
    /^f must be an integer in /,
  ],
  [
    'declared holders',
    () => declaredHolders(rows(4), 1, { penalty: 0 }, { base, classes }),
    'PARAMETER_OUT_OF_RANGE',
    'penalty must be a finite number above 0, got 0',
  ],
  ['a blind block of no length', () => blindBlock(rows(3), 'evidence', 0), 'PARAMETER_OUT_OF_RANGE', /above 0, got 0/],
])('refusals › say what is wrong and what would be right: %s (%#)', async (_, decide, code, message) => {
  const decided = await decide();
  expect(decided).toMatchObject({ ok: false, fault: { code, message: expect.stringMatching(message) } });
  if (!decided.ok && typeof message === 'string') expect(decided.fault.message).toBe(message);
});
