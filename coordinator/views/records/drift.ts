import type { Standing } from '../../round/standing.ts';

/** Before that, a moving mean is the first rounds'. */
const driftRounds = 5;

/** What a cluster's updates do on average of about the last five rounds that they should not; undefined where nothing. */
export function driftOf({ rounds, slope, cosine }: Pick<Standing, 'rounds' | 'slope' | 'cosine'>): string | undefined {
  if (rounds < driftRounds) return undefined;
  if (slope !== null && slope > 0) return 'its updates harm what the trusted sample holds';
  if (cosine !== undefined && cosine < 0) return 'its updates point away from the models that rounds made';
  return undefined;
}
