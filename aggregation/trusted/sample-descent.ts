import type { Point, Search } from './line-search.ts';
import { quasiNewton } from './quasi-newton.ts';
import { descent } from './spectral-descent.ts';

/**
 * How a policy has lower losses on the sample looked for, where an aggregate is moved: by spectral steps with either search, or by
 * quasi-Newton ones, which get farther for fewer evaluations. Rounds are replayed by the one that their policy was frozen with.
 */
export type SampleSearch = Search | 'quasiNewton';

/** The lowest point that so many steps lead to, from `start`; never higher than that. */
export function lowest<At extends Point>(
  at: (x: Float64Array) => Promise<At>,
  start: At,
  { search, ...steps }: Readonly<{ length: (slope: Float64Array) => number; stepsMax: number; search: SampleSearch }>,
): Promise<At> {
  return search === 'quasiNewton' ? quasiNewton(at, start, steps) : descent(at, start, { ...steps, search });
}
