/** What thresholds start from: how a model scores examples that are known to be normal. */

import { type PlaceScorer, scoreInTurns } from '../../tracks/place-scores.ts';

/** Group (what has a threshold of its own) to scores of its normal examples. */
export type NormalScores = ReadonlyMap<string, readonly number[]>;

/** A model calibrated on these normal examples. */
type Open<Example> = (normal: readonly Example[]) => Promise<PlaceScorer<Example>>;

/** A group of fewer examples starts from what was learnt: half of them would not calibrate a model. */
const unlearntMin = 40;

/**
 * Normal examples scored by a model that has learnt the other half of them: what a cluster's memory knows scores lower than what
 * comes. A threshold of such scores that one in a thousand was to pass let a fifth of what came next pass, on the recorded clusters.
 */
export async function unlearntScores<Example>(
  open: Open<Example>,
  examples: readonly Example[],
): Promise<NormalScores> {
  if (examples.length < unlearntMin) return new Map();
  const found = new Map<string, number[]>();
  for (const half of [0, 1]) {
    const [own, others] = [half, 1 - half].map((odd) => examples.filter((_, at) => at % 2 === odd)) as [
      Example[],
      Example[],
    ];
    const scorer = await open(others);
    try {
      for (const [group, scores] of await scoresByGroup(scorer, own)) {
        found.set(group, [...(found.get(group) ?? []), ...scores]);
      }
    } finally {
      scorer.close();
    }
  }
  return new Map([...found].filter(([, scores]) => scores.length >= unlearntMin));
}

export async function scoresByGroup<Example>(
  scorer: PlaceScorer<Example>,
  examples: readonly Example[],
): Promise<NormalScores> {
  const found = new Map<string, number[]>();
  for (const { groups, scores } of await scoreInTurns(scorer, examples)) {
    for (const [place, group] of groups.entries()) {
      const known = found.get(group);
      if (known === undefined) found.set(group, [scores[place] as number]);
      else known.push(scores[place] as number);
    }
  }
  return found;
}
