import type { RoundId } from '../../../proto/ids.ts';
import type { Standing } from '../../round/standing.ts';
import { driftOf } from './drift.ts';

/** What people may do about a cluster; nothing follows from it by itself. */
export type Suggestion = 'none' | 'watch' | 'quarantine' | 'readmit';

export type Suggested = Readonly<{ suggestion: Suggestion; because: string }>;

const scoreBad = 0.25;
/** Below it rounds leave a cluster out often. */
export const scoreLow = 0.5;
const streakBad = 6;
/** So many rounds in a row are worth a word: one bad round, or two, may be anybody's. */
export const streakLow = 3;

/**
 * What a cluster's record in one track suggests. `isKept`: whether a round is still kept in full. Rules that keep what is typical leave
 * out those who differ, so the strong word needs more than a few bad rounds. Pure.
 */
export function suggestionOf(
  record: Standing | undefined,
  quarantined: boolean,
  isKept: (round: RoundId) => boolean,
): Suggested {
  if (record === undefined) return { suggestion: 'none', because: 'it took part in no round yet' };
  const { score, streak = 0, excludedIn } = record;
  const drift = driftOf(record);
  if (quarantined) {
    const forgiven = excludedIn === undefined || !isKept(excludedIn);
    if (forgiven && drift === undefined) {
      return { suggestion: 'readmit', because: 'no round that is kept left it out' };
    }
    return { suggestion: 'none', because: `it is in quarantine: ${drift ?? `${excludedIn} left it out`}` };
  }
  const text = score.toFixed(2);
  if (score < scoreBad)
    return { suggestion: 'quarantine', because: `rounds nearly always leave it out: record ${text}` };
  if (streak >= streakBad)
    return { suggestion: 'quarantine', because: `${streak} rounds in a row kept most updates and not its` };
  if (drift !== undefined) return { suggestion: 'watch', because: drift };
  if (streak >= streakLow)
    return { suggestion: 'watch', because: `${streak} rounds in a row kept most updates and not its` };
  if (score < scoreLow) return { suggestion: 'watch', because: `rounds often leave it out: record ${text}` };
  const out = record.leftOut + record.refused;
  const rounds = record.rounds === 1 ? 'the only round' : `${out} of ${record.rounds} rounds`;
  return { suggestion: 'none', because: out === 0 ? 'rounds keep it' : `${rounds} left it out, and that says little` };
}
