import { describe, expect, it } from 'vitest';
import { parseRoundId } from '../../../proto/ids.ts';
import type { Standing } from '../../round/standing.ts';
import { suggestionOf } from './suggestion.ts';

const round = parseRoundId('r-9');
const usual: Standing = { rounds: 9, leftOut: 0, refused: 0, score: 1, weight: null, slope: null, lastRound: round };
const of = (record: Partial<Standing>, quarantined = false, kept = true) =>
  suggestionOf({ ...usual, ...record }, quarantined, () => kept).suggestion;

describe('suggestionOf', () => {
  it('suggests nothing for a cluster like any other, and for one that never took part', () => {
    expect(of({})).toBe('none');
    expect(suggestionOf(undefined, false, () => true)).toEqual({
      suggestion: 'none',
      because: 'it took part in no round yet',
    });
  });

  it('does not call kept who was left out, and says that a few rounds say little', () => {
    const because = (record: Partial<Standing>) => suggestionOf({ ...usual, ...record }, false, () => true).because;
    expect(because({})).toBe('rounds keep it');
    expect(because({ rounds: 1, leftOut: 1, score: 0.85 })).toBe('the only round left it out, and that says little');
    expect(because({ leftOut: 1, refused: 1 })).toBe('2 of 9 rounds left it out, and that says little');
  });

  it('says to watch who is left out often, in a row, or drifts, and to quarantine who nearly always is', () => {
    expect(of({ score: 0.49 })).toBe('watch');
    expect(of({ streak: 3 })).toBe('watch');
    expect(of({ streak: 2 })).toBe('none');
    expect(of({ slope: 0.1 })).toBe('watch');
    expect(of({ slope: 0.1, rounds: 4 })).toBe('none');
    expect(of({ score: 0.24 })).toBe('quarantine');
    expect(of({ streak: 6 })).toBe('quarantine');
  });

  it('says to let in again only what no kept round speaks against', () => {
    expect(of({ excludedIn: round }, true)).toBe('none');
    expect(of({ excludedIn: round }, true, false)).toBe('readmit');
    expect(of({}, true)).toBe('readmit');
    expect(of({ slope: 0.1 }, true)).toBe('none');
  });
});
