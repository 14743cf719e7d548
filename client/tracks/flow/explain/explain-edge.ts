import { endKey } from '../../../events/flow-record.ts';
import type { FlowScorer } from '../flow-scorer.ts';
import { refusedShareOf } from '../graph/refused-share.ts';
import type { NamedSlice } from '../graph/slice.ts';
import type { EncodedGraph } from '../link/link-reader.ts';
import { expectedRefusal } from '../local/edge-surprisal.ts';
import { type Evidence, serviceOf } from '../local/pair-memory.ts';
import { namedPairs } from '../local/reference-graph.ts';
import { attributeLink, type LinkAttribution } from './attribution.ts';
import { type Hop, movementPath } from './movement-path.ts';

export type EdgeExplanation = Readonly<{
  edge: Readonly<Hop & { flows: number }>;
  /** Nats: pair + service = total. */
  surprisal: Readonly<{
    total: number;
    pair: number;
    service: number;
    /** Absent where the model says nothing of refusals; else pair + service + refusal = total. */
    refusal?: number;
    pValue: number | undefined;
  }>;
  /** Of a model that says what would be refused. */
  refusal?: Readonly<{
    /** Of the edge in this window, and what was to be expected: 0 to 1. */
    share: number;
    expectedShare: number;
    /** The sources' words for it, at most 8. */
    reasons: readonly string[];
  }>;
  /** What this cluster remembers, in windows. */
  memory: Evidence;
  shared: LinkAttribution | undefined;
  /** Local names, at most `listMax` each, most used first. */
  neighbourhood: Readonly<{
    usualServersOfClient: readonly string[];
    usualClientsOfServer: readonly string[];
    usualClientsOfClient: readonly string[];
  }>;
  /** The edge of normal windows that is most alike; undefined where nothing was learnt. */
  nearestNormal: Readonly<{ client: string; server: string; distance: number }> | undefined;
  /** In the order of time; the alarm is one of them. */
  path: readonly Hop[];
}>;

const listMax = 8;

/** Why an edge of a window scored as it did. `hops`: suspicious edges of this and earlier windows. */
export function explainEdge(
  scorer: FlowScorer,
  window: NamedSlice,
  edge: number,
  hops: readonly Hop[] = [],
): EdgeExplanation {
  const score = scorer.score(window)[edge];
  if (score === undefined) throw new RangeError(`explain: no edge ${edge} in a window of ${window.slice.edgeCount}`);
  const alarm = hopOf(window, edge, score.total);
  const { memory } = scorer.state;
  const evidence = memory.evidence(alarm.client, alarm.server, alarm.service);
  const { encoded, source, target } = pairIn(scorer, window, edge);
  try {
    return {
      edge: { ...alarm, flows: (window.names.edges[edge] as NamedSlice['names']['edges'][number]).count },
      surprisal: {
        total: score.total,
        pair: score.pair,
        service: score.service,
        ...(score.refusal !== undefined && { refusal: score.refusal }),
        pValue: score.pValue,
      },
      ...(score.refusalLogit !== undefined && {
        refusal: {
          share: refusedShareOf(window.slice, edge),
          expectedShare: expectedRefusal(evidence, score.refusalLogit),
          reasons: window.names.edges[edge]?.reasons ?? [],
        },
      }),
      memory: evidence,
      shared:
        encoded.graph.sources.length === 0 || source === target ? undefined : attributeLink(encoded, source, target),
      neighbourhood: neighbourhoodOf(scorer, alarm),
      nearestNormal: nearestNormal(scorer, encoded, source, target),
      path: movementPath(alarm, hops),
    };
  } finally {
    encoded.close();
  }
}

/** An edge of a window as a step of a path. */
export function hopOf({ slice, names }: NamedSlice, edge: number, score: number): Hop {
  const { protocol, port, firstMs, lastMs } = names.edges[edge] as NamedSlice['names']['edges'][number];
  const key = (row: number | undefined) => endKey(names.nodes[row as number] as NamedSlice['names']['nodes'][number]);
  return {
    client: key(slice.clients[edge]),
    server: key(slice.servers[edge]),
    service: serviceOf(protocol, port),
    firstMs,
    lastMs,
    score,
  };
}

/** What the shared model reads of an edge: the reference without the pair, with the window's unknown workloads beside it. */
function pairIn(scorer: FlowScorer, window: NamedSlice, edge: number) {
  const pairs = namedPairs(window, scorer.reader.columns);
  const [client, server] = [window.slice.clients[edge] as number, window.slice.servers[edge] as number];
  const [from, to] = [pairs.keys[client] as string, pairs.keys[server] as string];
  const { graph, indexOf } = scorer.state.reference.graph(pairs, (a, b) => a === from && b === to);
  return {
    encoded: scorer.reader.read(graph),
    source: indexOf.get(from) as number,
    target: indexOf.get(to) as number,
  };
}

function neighbourhoodOf({ state: { memory } }: FlowScorer, { client, server }: Hop): EdgeExplanation['neighbourhood'] {
  const pairs = [...memory.pairs()].sort((a, b) => b[2] - a[2]);
  const top = (names: string[]) => names.slice(0, listMax);
  return {
    usualServersOfClient: top(pairs.filter(([from]) => from === client).map(([, to]) => to)),
    usualClientsOfServer: top(pairs.filter(([, to]) => to === server).map(([from]) => from)),
    usualClientsOfClient: top(pairs.filter(([, to]) => to === client).map(([from]) => from)),
  };
}

/** The known edge whose ends look most like these: Euclidean distance of both ends' vectors. */
function nearestNormal(
  scorer: FlowScorer,
  encoded: EncodedGraph,
  source: number,
  target: number,
): EdgeExplanation['nearestNormal'] {
  const { sources, targets } = encoded.graph;
  if (sources.length === 0) return undefined;
  const width = encoded.states.shape[1];
  const states = encoded.states.dataSync<'float32'>();
  const gap = (a: number, b: number) => {
    let sum = 0;
    for (let at = 0; at < width; at++)
      sum += ((states[a * width + at] as number) - (states[b * width + at] as number)) ** 2;
    return sum;
  };
  let [nearest, distance] = [0, Number.POSITIVE_INFINITY];
  for (let edge = 0; edge < sources.length; edge++) {
    const one = gap(source, sources[edge] as number) + gap(target, targets[edge] as number);
    if (one < distance) [nearest, distance] = [edge, one];
  }
  const keys = scorer.state.reference.keys();
  return {
    client: keys[sources[nearest] as number] as string,
    server: keys[targets[nearest] as number] as string,
    distance: Math.sqrt(distance),
  };
}
