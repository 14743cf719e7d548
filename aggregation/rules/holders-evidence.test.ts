import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blocksOf } from '../algebra/samples.ts';
import { holdersEvidence } from './holders-evidence.ts';

const evidenceOf = (...rows: readonly number[][]) =>
  holdersEvidence(blocksOf(rows.map((row) => Float32Array.from(row))));

test('holdersEvidence › takes for a class what each says with its part, against it what all say', async () => {
  expect([...(await evidenceOf([2, 3, -1, -4, 0], [4, -9, -3, -2, -1]))]).toEqual([3, 1.5, -1, -2, 0]);
  expect([...(await evidenceOf([2, -3]))]).toEqual([2, -3]);
});

test('holdersEvidence › never falls below the part of any one holder, whatever all others send', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 3 }), {
        minLength: 1,
        maxLength: 7,
      }),
      async (rows) => {
        const values = await evidenceOf(...rows);
        const [honest] = rows as [number[], ...number[][]];
        values.forEach((value, j) => {
          const said = honest[j] as number;
          expect(value).toBeGreaterThanOrEqual((said > 0 ? said / rows.length : said) - 1e-9);
        });
      },
    ),
  ));
