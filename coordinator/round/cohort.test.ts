import { describe, expect, it } from 'vitest';
import { type ClusterId, parseClusterId } from '../../proto/ids.ts';
import { chooseCohort, trainingSeed } from './cohort.ts';
import { quorumUpdates } from './quorum.ts';
import type { RoundRules } from './rules.ts';

const clusters = ['d', 'b', 'e', 'a', 'c'].map(parseClusterId);
const names = (chosen: readonly ClusterId[]) => chosen.join('');

describe('chooseCohort', () => {
  it('invites all where there are no more than are wanted, sorted, each once', () => {
    expect(names(chooseCohort([...clusters, ...clusters], 5, 7))).toBe('abcde');
    expect(names(chooseCohort(clusters, 6, 7))).toBe('abcde');
  });

  // SHA-256 of cohort/SEED/NAME, by another program: of seed 7 they rise c e b d a, of seed 8 e b d c a.
  it('takes the lowest draws of its seed, sorted, in whatever order clusters came', () => {
    expect(names(chooseCohort(clusters, 2, 7))).toBe('ce');
    expect(names(chooseCohort(clusters.toReversed(), 2, 7))).toBe('ce');
    expect(names(chooseCohort(clusters, 3, 8))).toBe('bde');
  });
});

it('trainingSeed is the first six bytes of SHA-256 of training/SEED/NAME', () => {
  expect(trainingSeed(7, parseClusterId('a'))).toBe(172_922_056_415_442);
});

it('quorumUpdates rounds up, and not for what binary fractions add', () => {
  const rules = { updatesMin: 1 } as RoundRules;
  const of = (ofCohort: number, size: number) => quorumUpdates({ ...rules, quorum: { kind: 'share', ofCohort } }, size);
  expect([of(0.07, 100), of(0.071, 100), of(0.5, 4), of(0.5, 5)]).toEqual([7, 8, 2, 3]);
});
