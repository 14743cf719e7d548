import { expect, it } from 'vitest';
import { decimalOf, jsonNumberOf, unsignedZero } from './number.ts';

it('decimalOf takes decimal numbers, and nothing that `Number` takes beside them', () => {
  const read = { '12': 12, '-0.5': -0.5, '+7': 7, '.5': 0.5, '5.': 5, '1e-3': 0.001, '2E+6': 2e6, '007': 7 };
  for (const [text, value] of Object.entries(read)) expect({ text, value: decimalOf(text) }).toEqual({ text, value });
  const none = [
    '',
    ' ',
    ' 1',
    '1\n',
    '0x10',
    '0b1',
    '0o7',
    '1e999',
    'Infinity',
    '-Infinity',
    'NaN',
    '1_000',
    '1,5',
    '--1',
    '1e',
    '.',
    'e5',
    '١',
  ];
  for (const text of [...none, `1${'0'.repeat(64)}`])
    expect({ text, value: decimalOf(text) }).toEqual({ text, value: Number.NaN });
});

it('jsonNumberOf takes finite numbers and such texts', () => {
  expect([7, '7', '-1.5'].map(jsonNumberOf)).toEqual([7, 7, -1.5]);
  const none = [undefined, null, true, [], [7], {}, '', '0x7', Number.POSITIVE_INFINITY, 7n, new Date(0)];
  expect(none.map(jsonNumberOf)).toEqual(none.map(() => Number.NaN));
});

it('unsignedZero changes no number but the zero that JSON would not write again', () => {
  expect([-0, 0, 1, -1, -Infinity].map(unsignedZero)).toEqual([0, 0, 1, -1, -Infinity]);
});
