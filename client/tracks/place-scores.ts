/** Scores of one example, higher is less normal; place by place. Places are the track's: edges of a graph, or just one. */
export type PlaceScores = Readonly<{
  /** What has a threshold of its own, such as a workload; few and stable, since each is remembered. Shape [places]. */
  groups: readonly string[];
  /** Shape [places]. */
  scores: Float64Array;
}>;

/** Holds native memory until `close()`, which may be called twice. */
export interface PlaceScorer<Example> {
  /** In the order of the examples. */
  score(examples: readonly Example[]): readonly PlaceScores[];
  close(): void;
}

/** Examples between two turns of the event loop, so that the live model scores while another one warms. */
const examplesPerTurn = 32;

/** Scores of many examples, in their order, by a model that is not live: what waits meanwhile gets its turn. */
export async function scoreInTurns<Example>(
  scorer: Pick<PlaceScorer<Example>, 'score'>,
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
