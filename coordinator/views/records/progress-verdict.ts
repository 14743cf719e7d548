import type { RoundId } from '../../../proto/ids.ts';

/** One version's step from the one that its round started from. Numbers are null where a model is too large to be read, or gone. */
export type ModelStep = Readonly<{
  version: number;
  round: RoundId | null;
  /** ‖model − base‖: the aggregate's length, as the server optimiser made it. */
  norm: number | null;
  /** The same over ‖base‖. */
  relative: number | null;
  /** Of the angle to the step before: 1 goes on, 0 goes elsewhere, −1 goes back. */
  cosine: number | null;
  /** What part of the updates that came its round counted; null once its round is forgotten. */
  keptShare: number | null;
  /** The newest earlier version of which it is the same to the bit; null for none. */
  sameAs: number | null;
}>;

export type ProgressVerdict = 'tooFew' | 'repeats' | 'still' | 'settles' | 'swings' | 'grows' | 'learns';

/** In a word, in a sentence, and the mean of what rounds kept. */
export type Progress = Readonly<{ verdict: ProgressVerdict; text: string; keptShare: number | null }>;

const stepsMin = 2;
/** Of the model's own length: float32 holds seven digits. */
const stillRelative = 1e-6;
const settledShare = 0.5;
const grownShare = 2;
const backwards = -0.5;
const fewKept = 0.5;

/** What a track's last steps, oldest first, say of its training. Pure. */
export function progressOf(steps: readonly ModelStep[]): Progress {
  const keptShare = mean(steps.map((step) => step.keptShare));
  const [verdict, sentence] = judged(steps);
  const few = keptShare !== null && keptShare < fewKept ? ` Rounds count ${percent(keptShare)} of the updates.` : '';
  return { verdict, text: `${sentence}${few}`, keptShare };
}

function judged(steps: readonly ModelStep[]): readonly [ProgressVerdict, string] {
  const last = steps.at(-1);
  if (last === undefined || steps.length < stepsMin) {
    return ['tooFew', `Too few rounds to say: ${stepsMin} versions after the first are needed.`];
  }
  const { version, sameAs, relative } = last;
  if (sameAs !== null) {
    return ['repeats', `Version ${version} is version ${sameAs} to the bit: clusters bring nothing new to learn.`];
  }
  if (relative !== null && relative < stillRelative) {
    return [
      'still',
      `Version ${version} moved by ${relative.toPrecision(1)} of the model's length: clusters bring nothing new.`,
    ];
  }
  const norms = steps.flatMap(({ norm }) => (norm === null ? [] : [norm]));
  const back = mean(steps.map(({ cosine }) => cosine));
  if (back !== null && back < backwards) {
    return [
      'swings',
      'Each round takes back much of the one before: rounds count now these clusters, now those, who differ.',
    ];
  }
  const [earlier, now] = [mean(norms.slice(0, -1)), norms.at(-1)];
  if (earlier === null || now === undefined || last.norm === null) {
    return ['learns', `Version ${version} differs from those before it; how far could not be measured.`];
  }
  const ratio = now / earlier;
  if (ratio < settledShare)
    return ['settles', `Rounds move the model less and less: the last by ${share(ratio)} those before it.`];
  if (ratio > grownShare)
    return ['grows', `Rounds move the model more and more: the last by ${share(ratio)} those before it.`];
  return ['learns', `Rounds move the model about as far as those before them: the last by ${share(ratio)} their mean.`];
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

function percent(value: number): string {
  return `${Math.round(100 * value)} %`;
}

function share(ratio: number): string {
  return `${ratio.toPrecision(2)} times`;
}
