import type { PlaceScores, TrackScorer } from './track-kind.ts';

/** Examples between two turns of the event loop, so that the live model scores while another one warms. */
const examplesPerTurn = 32;

/** Scores of many examples, in their order, by a model that is not live: what waits meanwhile gets its turn. */
export async function scoreInTurns<Example>(
  scorer: Pick<TrackScorer<Example>, 'score'>,
  examples: readonly Example[],
): Promise<readonly PlaceScores[]> {
  const scored: PlaceScores[] = [];
  for (let start = 0; start < examples.length; start += examplesPerTurn) {
    await turn();
    scored.push(...scorer.score(examples.slice(start, start + examplesPerTurn)));
  }
  return scored;
}

/** One turn of the event loop: for long work in a thread that others wait for. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
