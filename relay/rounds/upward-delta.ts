import { addGaussianNoise, clipToNorm, deltaOf, norm, secretUnits } from '../../client/learning/delta.ts';
import type { Invitation } from '../../client/rounds/invitation.ts';
import type { TrainedDelta } from '../../client/rounds/ports.ts';
import type { Accepted } from '../../coordinator/round/phase.ts';
import { type ClassBlocks, classBlocksOf } from '../../proto/class-blocks.ts';
import type { ClassName } from '../../proto/ids.ts';

export type UpwardParts = Readonly<{
  /** What the region's round gave, and what it started from; shape [d] both. `candidate` is changed in place. */
  candidate: Float32Array;
  base: Float32Array;
  /** Of the region's round. */
  accepted: readonly Pick<Accepted, 'exampleCount' | 'classes'>[];
  invitation: Pick<Invitation, 'spec' | 'approvedClasses' | 'plan'>;
}>;

/**
 * A region's candidate as one update: candidate - base, clipped and noised as the parent's plan asks of every member. It
 * speaks for the classes that its clusters declared and that the region is approved for. A table of counts is brought to
 * what every table is: nothing outside those classes, and the common norm, which a mean of tables falls short of.
 */
export function upwardDelta({ candidate, base, accepted, invitation }: UpwardParts): Omit<TrainedDelta, 'provenance'> {
  const { spec, approvedClasses, plan } = invitation;
  const blocks = classBlocksOf(spec);
  const classes = blocks && declared(accepted, approvedClasses);
  if (blocks?.tableNorm !== undefined) toTable(candidate, blocks, blocks.tableNorm, classes ?? []);
  const delta = deltaOf(candidate, base);
  clipToNorm(delta, plan.clipNorm);
  // As a cluster's own: noiseMultiplier counts in clip norms.
  if (plan.noiseMultiplier > 0) addGaussianNoise(delta, plan.noiseMultiplier * plan.clipNorm, secretUnits());
  const exampleCount = accepted.reduce(
    (sum, update) => Math.min(sum + update.exampleCount, Number.MAX_SAFE_INTEGER),
    0,
  );
  return { delta, exampleCount, ...(classes && { classes }) };
}

function declared(accepted: UpwardParts['accepted'], approved: readonly ClassName[]): readonly ClassName[] {
  const spoken = new Set(accepted.flatMap(({ classes = [] }) => classes));
  return approved.filter((name) => spoken.has(name));
}

function toTable(
  values: Float32Array,
  { blocks }: ClassBlocks,
  tableNorm: number,
  classes: readonly ClassName[],
): void {
  for (const { className, offset, length } of blocks) {
    if (!classes.includes(className)) values.fill(0, offset, offset + length);
  }
  // Rounding of a mean of nothing: counting gives no negative evidence.
  for (let at = 0; at < values.length; at += 1) if ((values[at] as number) < 0) values[at] = 0;
  const before = norm(values);
  if (before === 0) return;
  for (let at = 0; at < values.length; at += 1) values[at] = ((values[at] as number) * tableNorm) / before;
}
