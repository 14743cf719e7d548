import { asksOf } from '../../aggregation/policy.ts';
import type { TrackSample } from '../ledger/journal/events.ts';
import type { TrackPolicy } from '../round/policy.ts';

type Named = Readonly<{ digest: string }>;
/** A track's policy, and the versions of its sample, oldest first. */
type Sampled<Sample extends Named = Named> = Readonly<{
  track: string;
  policy: TrackPolicy;
  samples: readonly Sample[];
}>;

/** The sample that a round which opens now goes by: the one that its policy names, or the newest; undefined for none. */
function sampleOf<Sample extends Named>({ policy: { sample }, samples }: Sampled<Sample>): Sample | undefined {
  const wanted = sample?.digest;
  return wanted === undefined ? samples.at(-1) : samples.findLast(({ digest }) => digest === wanted);
}

/** The policy as a round is scheduled under it: it names the sample by digest, whatever is put later. */
export function policyWithSample(track: Sampled<TrackSample>): TrackPolicy {
  const sample = sampleOf(track);
  const { policy } = track;
  if (sample === undefined) return policy;
  return { ...policy, sample: { mix: 0, ...policy.sample, digest: sample.digest } };
}

/** Why no round can open for want of a sample, as one sentence with the remedy; undefined where one can. */
export function lacksSample(track: Sampled): string | undefined {
  if (sampleOf(track) !== undefined) return undefined;
  const { track: id, policy } = track;
  const put = `put one with \`testudo tracks sample put ${id}\``;
  if (policy.sample?.digest !== undefined) return `${id} has no sample ${policy.sample.digest}; ${put}`;
  if (asksOf(policy.aggregation.rule).sample === 'needed') {
    return `the rule ${policy.aggregation.rule.kind} decides by a trusted sample, and ${id} has none; ${put}`;
  }
  if (policy.sample?.holds === true)
    return `the policy counts a trusted sample as an update, and ${id} has none; ${put}`;
  if ((policy.sample?.mix ?? 0) === 0) return undefined;
  return `the policy mixes a trusted sample into training, and ${id} has none; ${put}`;
}
