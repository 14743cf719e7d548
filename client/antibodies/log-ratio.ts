/** How often a feature was seen, of how many examples. */
export type Seen = Readonly<{ count: number; of: number }>;

/**
 * Added to both counts: what was never seen in few examples may still be there. So little that a feature which one side alone has
 * says as much as one feature may: with 0.1, among many normal examples, what attacks never do said more than what they alone do.
 */
const smoothing = 0.01;
/** Nats that one feature may say, either way: no single one decides. */
const clip = 3;

/** Log-likelihood ratio of a feature's presence, attack against normal, nats, within ±3. */
export function logRatio(attack: Seen, normal: Seen): number {
  const share = ({ count, of }: Seen) => (count + smoothing) / (of + 2 * smoothing);
  return Math.max(-clip, Math.min(clip, Math.log(share(attack) / share(normal))));
}
