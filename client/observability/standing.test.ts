import { expect, it } from 'vitest';
import { refuse } from '../../base/fault.ts';
import { standingOf } from './standing.ts';

it('a member that has not begun to connect is not called a stranger, and whoever is no member hears why', () => {
  const { fault } = refuse('TOKEN_INVALID', 'it was used');
  const why = (isEnrolled: boolean, failed?: typeof fault) =>
    standingOf(undefined, { isEnrolled, failed }, 75_000, 1_000).why;
  expect(why(true)).toEqual([]);
  expect(why(true, fault)).toEqual([]);
  expect(why(false)).toEqual(['not enrolled: no answer yet']);
  expect(why(false, fault)).toEqual(['not enrolled: TOKEN_INVALID: it was used']);
});
