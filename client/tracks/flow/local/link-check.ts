/**
 * What the shared model is worth in one cluster: whether it tells pairs that the cluster is known to have, each hidden from it, from pairs
 * that it does not have. Where it does not, it has no say there: a prior that knows nothing spoils what the memory knows.
 */
import { areaUnderRoc } from '../../metrics.ts';
import type { LinkReader } from '../link/link-reader.ts';
import type { ReferenceGraph } from './reference-graph.ts';

/** Parts that are hidden in turn. */
const folds = 5;
/** Fewer pairs than this tell nothing. */
const pairsMin = 5;
/** Wrong pairs for each right one: they keep its source or its target. */
const wrongEach = 4;

/**
 * The area under the ROC of hidden pairs against wrong ones, less what chance alone may give to so few pairs (half a
 * standard error of about 1/√n), from 0.5 to 1 as a weight from 0 to 1. 1 for a cluster without a past, which has nothing
 * else; 0 where the pairs are too few to tell.
 */
export function sharedWeightOf(reader: LinkReader, reference: ReferenceGraph): number {
  const { graph, indexOf } = reference.graph();
  const count = graph.sources.length;
  if (count === 0) return 1;
  if (count < pairsMin) return 0;
  const keys = [...indexOf.keys()];
  const has = new Set(Array.from(graph.sources, (source, pair) => `${source}>${graph.targets[pair]}`));
  const [right, wrong]: [number[], number[]] = [[], []];
  for (let fold = 0; fold < folds; fold++) {
    const hidden = [...graph.sources.keys()].filter((pair) => pair % folds === fold);
    if (hidden.length === 0) continue;
    const names = new Set(
      hidden.map((pair) => `${keys[graph.sources[pair] as number]}\n${keys[graph.targets[pair] as number]}`),
    );
    const seen = reference.graph(undefined, (source, target) => names.has(`${source}\n${target}`));
    const [sources, targets]: [number[], number[]] = [[], []];
    const isRight: boolean[] = [];
    const ask = (source: number, target: number, truth: boolean) => {
      sources.push(source);
      targets.push(target);
      isRight.push(truth);
    };
    for (const pair of hidden) {
      const [source, target] = [graph.sources[pair] as number, graph.targets[pair] as number];
      ask(source, target, true);
      for (let step = 1, left = wrongEach; left > 0 && step < keys.length; step++) {
        // Every node in turn at one end or the other: no chance in it, the same cluster gives the same weight.
        const node = (source + target + step) % keys.length;
        const [from, to] = step % 2 === 0 ? [source, node] : [node, target];
        if (from === to || has.has(`${from}>${to}`)) continue;
        ask(from, to, false);
        left--;
      }
    }
    const read = reader.read(seen.graph);
    const logits = read.logits({ sources: Uint32Array.from(sources), targets: Uint32Array.from(targets) });
    read.close();
    for (const [at, logit] of logits.entries()) (isRight[at] ? right : wrong).push(Number.isNaN(logit) ? 0 : logit);
  }
  const area = areaUnderRoc(wrong, right);
  if (Number.isNaN(area)) return 0;
  return Math.max(0, Math.min(1, 2 * (area - 0.5 - 0.5 / Math.sqrt(count))));
}
