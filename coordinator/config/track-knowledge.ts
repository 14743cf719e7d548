import type { TrackKnowledge } from '../../aggregation/policy.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

/** What a track's sample holds, as the command counted that read it; the numbers as a journal or a wire has them. */
type Held = Readonly<{ digest?: string; classes: readonly Readonly<{ name: string; normalCount: number }>[] }>;

/** `covered`: of the classes that the model names, the share that the sample holds normal work of; 1 where it names none. */
export type Knowledge = TrackKnowledge & Readonly<{ covered?: number }>;

/**
 * Architectures whose loss on a sample has a gradient, so that a sample can weigh their updates. A coordinator knows no
 * detector, and must know this before a round runs: `cli/processes/coordinator/weighed-architectures.test.ts` holds it against the detectors.
 */
const weighedBySample: ReadonlySet<string> = new Set(['syscall-lstm-lm/1']);

export function isWeighedBySample({ architecture }: Pick<ModelSpec, 'architecture'>): boolean {
  return weighedBySample.has(architecture);
}

/**
 * What a track has beside updates, for the defaults of its policy. `sample`: the one in force. `overRegions`: whether members are
 * regions, which cannot mix a sample into training; without that no sample weighs anybody.
 */
export function knowledgeOf(spec: ModelSpec, sample: Held | undefined, overRegions = false): Knowledge {
  const classes = classBlocksOf(spec) !== undefined;
  const held = sample?.classes.filter(({ normalCount }) => normalCount > 0).map(({ name }) => name) ?? [];
  if (held.length === 0 || overRegions || !isWeighedBySample(spec)) return { classes };
  const named = String(spec.hyperparameters.classes ?? '')
    .split(',')
    .filter((name) => name !== '');
  const covered = named.length === 0 ? 1 : named.filter((name) => held.includes(name)).length / named.length;
  return { classes, sample: covered > 0, covered };
}

/** The same for a policy that names one of a track's samples by digest, or none: then the newest counts. `samples`: oldest first. */
export function knowledgeBySample(spec: ModelSpec, samples: readonly Held[], overRegions = false) {
  return (named: string | undefined): Knowledge => {
    const sample = named === undefined ? samples.at(-1) : samples.find(({ digest }) => digest === named);
    return knowledgeOf(spec, sample, overRegions);
  };
}
