import { expect, it } from 'vitest';
import { pointsText } from './simulated-points.ts';

const cell = (liars: number, attack: string, worth: number, refused = '') => ({
  ...{ rule: 'krum', liars, attack, worth, refused, deviation: 1, cosine: 1 },
});
const answer = {
  ...{ round: 'r-7', updateCount: 11, dimension: 40n, f: 2, complete: true, durationMs: 1_500n, build: '1' },
  ...{ judgedBy: "the round's trusted sample", unjudged: '' },
  rules: [
    { rule: 'krum', inForce: true, withstood: 1, worth: 0.95, silent: [{ liars: 1, worth: 0.94 }] },
    { rule: 'mean', inForce: false, withstood: 0, silent: [] },
  ],
  attacks: [cell(1, 'alie', 0.93), cell(1, 'nan', 0.96), cell(2, 'alie', 0.6), cell(2, 'nan', 0.5, 'N_TOO_SMALL')],
};

it('says what the worst attack costs, against nobody hostile and against the same clusters silent', () => {
  const [head, titles, ...rows] = pointsText(answer).split('\n');
  expect(head).toBe(
    "What the model is worth by the round's trusted sample: 0.950 with nobody hostile (area under the ROC curve). Points lost to the " +
      'worst attack, a hundredth each:',
  );
  expect(titles).toMatch(/^LIARS +WORST ATTACK +AGAINST NOBODY HOSTILE +AGAINST THE SAME SILENT$/);
  expect(rows.map((row) => row.trim().split(/ {2,}/))).toEqual([
    ['1', 'alie', '2.0', '1.0'],
    ['2', 'nan (round lost)', '45.0', 'no such round'],
  ]);
});

it('says so where nothing could judge, and where the time let nothing be tried', () => {
  const blind = { ...answer, judgedBy: '', unjudged: 'the sample holds no attack' };
  expect(pointsText(blind)).toBe(
    'What the model would be worth under attack was not judged: the sample holds no attack.',
  );
  expect(pointsText({ ...answer, attacks: [] })).toContain(
    '0.950 with nobody hostile (area under the ROC curve). No attack',
  );
});
