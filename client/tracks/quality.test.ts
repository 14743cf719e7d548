import { expect, it } from 'vitest';
import { namedRows, qualityOf, qualityTable } from './quality.ts';

it('gives the figures of scores, and shows them beside what a kind adds', () => {
  const benign = Array.from({ length: 100 }, (_, at) => at);
  const some = qualityOf(benign, [200, 96.5, 50.5]);
  // Of 100 benign scores one may alarm, 98 being the threshold, or five, 94 being it; 100 + 97 + 51 of 300 pairs are in order.
  expect(some).toEqual({ benign: 100, hostile: 3, auc: 248 / 300, foundAt1: 1 / 3, foundAt5: 2 / 3 });
  const lines = qualityTable('family', namedRows({ some, none: qualityOf(benign, []) }), [
    { title: 'TWICE', text: ({ hostile }) => String(2 * hostile), align: 'right' },
  ]).split('\n');
  expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
    ['FAMILY', 'BENIGN', 'HOSTILE', 'AUC', 'FOUND AT 5 %', 'FOUND AT 1 %', 'TWICE'],
    ['some', '100', '3', '0.8267', '66.7 %', '33.3 %', '6'],
    ['none', '100', '0', '-', '-', '-', '0'],
  ]);
});
