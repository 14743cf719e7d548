/** Members of a federation, how many of them lie, and how many of all a round invites, drawn at random. */
export type Draw = Readonly<{ members: number; liars: number; invited: number }>;

/** A round in a thousand million. */
const chanceMax = 1e-9;

/**
 * The least f with P(more than f of the invited lie) <= `chance`, by the hypergeometric distribution. All invited count, however
 * few updates a round waits for: liars answer first. Where everybody is invited it is the number of liars. Sampling raises the
 * share of liars that a round must bear (Allouah et al., arXiv 2402.12780).
 */
export function liarsInCohort({ members, liars, invited }: Draw, chance = chanceMax): number {
  const drawn = Math.min(invited, members);
  const logFactorials = new Float64Array(members + 1);
  for (let at = 1; at <= members; at++) logFactorials[at] = (logFactorials[at - 1] as number) + Math.log(at);
  const logChoose = (n: number, k: number) =>
    (logFactorials[n] as number) - (logFactorials[k] as number) - (logFactorials[n - k] as number);
  const logAll = logChoose(members, drawn);
  const least = Math.max(0, drawn - (members - liars));
  let tail = 0;
  // From the rarest on: small numbers first lose nothing.
  for (let count = Math.min(liars, drawn); count > least; count--) {
    tail += Math.exp(logChoose(liars, count) + logChoose(members - liars, drawn - count) - logAll);
    if (tail > chance) return count;
  }
  return least;
}
