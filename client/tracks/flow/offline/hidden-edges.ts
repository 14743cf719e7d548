/** Link prediction: how well a model tells edges of a service graph that were hidden from it from pairs that are none. */

import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { seededRandom, shuffled } from '../../../../base/random.ts';
import { table } from '../../../../base/text/table.ts';
import { averagePrecision } from '../../average-precision.ts';
import { areaUnderRoc } from '../../metrics.ts';
import type { Report } from '../../offline-kind.ts';
import type { NamedSlice } from '../graph/slice.ts';
import type { LinkReader } from '../link/link-reader.ts';
import { namedPairs, ReferenceGraph } from '../local/reference-graph.ts';

/** Pairs that are none for each hidden edge, of each kind. */
const wrongEach = 4;
const pairsMin = 5;
/** An area under the curve of fewer hidden edges is said with what scores drawn by lot would give. */
const hiddenFew = 20;

type Asked = Readonly<{ source: number; target: number }>;
type LinkQuality = Readonly<{ auc: number; averagePrecision: number }>;
/** any: of any two workloads; hard: of pairs that keep one end of the edge. */
type Measured = Readonly<{ any: LinkQuality; hard: LinkQuality }>;

/**
 * Hides this share of the pairs in the windows' normal edges, drawn from `seed`, and measures the model, beside preferential
 * attachment, on what is left. No memory is asked: the topology is as new as to a cluster that has just joined.
 */
export function measureHiddenEdges(
  reader: LinkReader,
  windows: readonly NamedSlice[],
  { share, seed = 1 }: Readonly<{ share: number; seed?: number }>,
): Result<Report, 'INPUT_UNREADABLE'> {
  const reference = new ReferenceGraph(reader.columns);
  for (const window of windows) reference.learn(namedPairs(window, reader.columns));
  const { graph, indexOf } = reference.graph();
  const keys = [...indexOf.keys()];
  const pairs = Array.from(graph.sources, (source, at): Asked => ({ source, target: graph.targets[at] as number }));
  const random = seededRandom(seed);
  const hidden = shuffled(pairs, random).slice(0, Math.max(1, Math.round(share * pairs.length)));
  if (pairs.length < pairsMin || hidden.length === pairs.length) {
    const seen = `${pairs.length} pairs of ${keys.length} workloads`;
    return refuse('INPUT_UNREADABLE', `${seen} are too few to hide ${hidden.length} and judge by the rest`);
  }
  const known = new Set(pairs.map(({ source, target }) => `${source}>${target}`));
  const isWrong = ({ source, target }: Asked) => source !== target && !known.has(`${source}>${target}`);
  const node = () => Math.floor(random() * keys.length);
  const drawn = (draw: (of: Asked) => Asked) =>
    hidden.flatMap((of) => {
      const found: Asked[] = [];
      for (let tries = 0; found.length < wrongEach && tries < 200; tries++) {
        const pair = draw(of);
        if (isWrong(pair)) found.push(pair);
      }
      return found;
    });
  const any = drawn(() => ({ source: node(), target: node() }));
  const hard = drawn(({ source, target }) =>
    random() < 0.5 ? { source, target: node() } : { source: node(), target },
  );
  const names = new Set(hidden.map(({ source, target }) => `${keys[source]}\n${keys[target]}`));
  const rest = reference.graph(undefined, (source, target) => names.has(`${source}\n${target}`)).graph;
  const degrees = (nodes: Uint32Array) => {
    const counts = new Uint32Array(keys.length);
    for (const one of nodes) counts[one] = (counts[one] as number) + 1;
    return counts;
  };
  const [out, into] = [degrees(rest.sources), degrees(rest.targets)];
  const attachment = (asked: readonly Asked[]) =>
    asked.map(({ source, target }) => ((out[source] as number) + 1) * ((into[target] as number) + 1));
  const read = reader.read(rest);
  const ends = (asked: readonly Asked[], of: keyof Asked) => Uint32Array.from(asked, (pair) => pair[of]);
  const logits = (asked: readonly Asked[]) =>
    Array.from(read.logits({ sources: ends(asked, 'source'), targets: ends(asked, 'target') }), (logit) =>
      Number.isNaN(logit) ? 0 : logit,
    );
  const measured = (score: (asked: readonly Asked[]) => readonly number[]): Measured => {
    const right = score(hidden);
    const against = (wrong: readonly number[]) => ({
      auc: areaUnderRoc(wrong, right),
      averagePrecision: averagePrecision(wrong, right),
    });
    return { any: against(score(any)), hard: against(score(hard)) };
  };
  const detail = {
    workloads: keys.length,
    pairs: pairs.length,
    hidden: hidden.length,
    wrong: { any: any.length, hard: hard.length },
    byLot: byLotOf(hidden.length, any.length),
    isFew: hidden.length < hiddenFew,
    model: measured(logits),
    preferentialAttachment: measured(attachment),
  };
  read.close();
  return ok({ detail, text: textOf(detail) });
}

/**
 * Between which areas scores that know nothing lie in 19 of 20 draws: 0.5 with the variance of Mann and Whitney's U for so many
 * right and wrong (1947), (r + w + 1) / (12 r w), as if pairs were drawn each by itself.
 */
function byLotOf(right: number, wrong: number): readonly [number, number] {
  const deviation = 1.96 * Math.sqrt((right + wrong + 1) / (12 * right * wrong));
  return [Math.max(0, 0.5 - deviation), Math.min(1, 0.5 + deviation)];
}

type Detail = Readonly<{
  workloads: number;
  pairs: number;
  hidden: number;
  wrong: Readonly<{ any: number; hard: number }>;
  byLot: readonly [number, number];
  isFew: boolean;
  model: Measured;
  preferentialAttachment: Measured;
}>;

function textOf({ workloads, pairs, hidden, wrong, byLot, isFew, model, preferentialAttachment }: Detail) {
  const rows = [
    { name: 'this model', ...model },
    { name: 'preferential attachment', ...preferentialAttachment },
    { name: 'never seen this pair', any: { auc: 0.5 }, hard: { auc: 0.5 } },
  ];
  const of = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(4));
  return [
    `${hidden} of ${pairs} pairs between ${workloads} workloads hidden, ranked against ${wrong.any} of any two and ${wrong.hard} hard ones`,
    table(rows, [
      { title: 'EDGES BY', text: ({ name }) => name },
      { title: 'AUC, ANY PAIRS', text: ({ any }) => of(any.auc), align: 'right' },
      { title: 'AUC, HARD PAIRS', text: ({ hard }) => of(hard.auc), align: 'right' },
    ]),
    ...(isFew ? [caution(hidden, byLot)] : []),
  ].join('\n\n');
}

function caution(hidden: number, [low, high]: readonly [number, number]): string {
  const lot = `scores drawn by lot would give ${low.toFixed(2)} to ${high.toFixed(2)} in 19 of 20 cases`;
  return `caution: the AUC of ${hidden} hidden edges says little: ${lot}; hide ${hiddenFew} or more (a larger file or share)`;
}
