import { goalUpdates, inviteCount, quorumUpdates } from './quorum.ts';
import type { RoundRules } from './rules.ts';

/**
 * Why f clusters that say nothing stop every round of such a policy; undefined where they cannot. A rule that needs
 * 2f + 3 updates needs 3f + 3 clusters for that: silence is the cheapest attack, and often is none.
 */
export function silenceWarning(track: string, rules: RoundRules, f: number, enrolledCount: number): string | undefined {
  if (f === 0) return undefined;
  const invited = (enrolled: number) => Math.min(inviteCount(rules, goalUpdates(rules, enrolled)), enrolled);
  const stops = (enrolled: number) => invited(enrolled) - f < quorumUpdates(rules, invited(enrolled));
  if (!stops(enrolledCount)) return undefined;
  let enough = enrolledCount + 1;
  while (stops(enough) && enough < enrolledCount + enoughSearched) enough++;
  const remedy = stops(enough)
    ? 'invite more (rounds.overSelection) or lower the quorum'
    : `enrol ${enough} or lower f`;
  const quorum = quorumUpdates(rules, invited(enrolledCount));
  return `${track}: f = ${f} clusters that say nothing stop every round: ${enrolledCount} are enrolled and ${quorum} updates are needed; ${remedy}`;
}

/** More clusters than this would be no remedy to name. */
const enoughSearched = 100_000;
