import { refusedShareOf } from './graph/refused-share.ts';
import type { NamedSlice } from './graph/slice.ts';
import type { LinkReader, PairLogits } from './link/link-reader.ts';
import { type LinkColumns, linkColumns } from './link/slice-graph.ts';
import { type EdgeSurprisal, judgedEdge } from './local/edge-surprisal.ts';
import { sharedWeightOf } from './local/link-check.ts';
import { type MemoryRecord, PairMemory, serviceOf } from './local/pair-memory.ts';
import { type NamedPairs, namedPairs, ReferenceGraph, type ReferenceRecord } from './local/reference-graph.ts';
import { type Tail, tailOf } from './local/tail.ts';
import { sharedLogits } from './shared-logits.ts';

/** A cluster's local part of the flow track: it stays in its cluster, beside the federated weights. */
export type FlowClusterState = Readonly<{
  memory: PairMemory;
  reference: ReferenceGraph;
  /** How much of a say the shared model has here, 0 … 1: as far as it knows the cluster's own pairs (link-check.ts). */
  sharedWeight: number;
  /**
   * The middle surprisal of normal edges that the cluster had seen before, nats; undefined where there were none. No edge
   * scores lower: that a pair is busier than others does not excuse what is asked of it.
   */
  seenUsual: number | undefined;
  /** How normal edges, and the worst edge of normal workloads, score here; undefined before anything was learnt. */
  edgeTail: Tail | undefined;
  workloadTail: Tail | undefined;
}>;

export type FlowClusterRecord = Readonly<{
  memory: MemoryRecord;
  reference: ReferenceRecord;
  /** 1 in records of before it was measured. */
  sharedWeight?: number;
  seenUsual?: number;
  edgeTail?: Tail;
  workloadTail?: Tail;
}>;

/** Windows that a calibration judges: a tail needs no more. */
const calibrationWindowsMax = 64;

/** What a cluster learns from its own normal windows, in the order of time. */
export function learnFlowCluster(reader: LinkReader, windows: readonly NamedSlice[]): FlowClusterState {
  const memory = new PairMemory();
  const reference = new ReferenceGraph(reader.columns);
  for (const window of windows) {
    memory.learn(window);
    reference.learn(namedPairs(window, reader.columns));
  }
  const pairs = new Set([...memory.pairs()].map(([source, target]) => `${source}\n${target}`));
  reference.keepOnly({
    node: (key) => memory.knows(key),
    pair: (source, target) => pairs.has(`${source}\n${target}`),
  });
  const sharedWeight = sharedWeightOf(reader, reference);
  return { memory, reference, sharedWeight, ...calibrated(reader, { memory, reference, sharedWeight }, windows) };
}

/** Tails of the scores of normal windows, each judged as if it had not been learnt. Do it again for a new release. */
function calibrated(
  reader: LinkReader,
  { memory, reference, sharedWeight }: Pick<FlowClusterState, 'memory' | 'reference' | 'sharedWeight'>,
  windows: readonly NamedSlice[],
): Pick<FlowClusterState, 'seenUsual' | 'edgeTail' | 'workloadTail'> {
  const stride = Math.max(1, windows.length / calibrationWindowsMax);
  const judged: Readonly<{ window: NamedSlice; edges: readonly JudgedEdge[] }>[] = [];
  for (let place = 0; place < windows.length; place += stride) {
    const window = windows[Math.floor(place)] as NamedSlice;
    const pairs = namedPairs(window, reader.columns);
    const edges = memory.without(window, () => {
      const onlyHere = (source: string, target: string) => memory.evidence(source, target, '').pair === 0;
      const logits = sharedLogits(reader, reference, pairs, onlyHere);
      return surprisals({ memory, sharedWeight }, window, pairs, logits);
    });
    judged.push({ window, edges });
  }
  const seen = judged
    .flatMap(({ edges }) => edges.flatMap(({ isSeen, total }) => (isSeen ? [total] : [])))
    .sort(ascending);
  const seenUsual = seen[Math.floor(seen.length / 2)];
  const scored = judged.map(({ window, edges }) => ({ window, scores: scoresOf(edges, seenUsual) }));
  return {
    seenUsual,
    edgeTail: tailOf(scored.flatMap(({ scores }) => scores)),
    workloadTail: tailOf(scored.flatMap(({ window, scores }) => [...worstByClient(window, scores).values()])),
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** What edges of a window are judged by, nats, shape [edges]: being more usual than half of what was seen before excuses nothing. */
export function scoresOf(edges: readonly EdgeSurprisal[], seenUsual: number | undefined): number[] {
  return edges.map(({ total }) => Math.max(total, seenUsual ?? Number.NEGATIVE_INFINITY));
}

/** `isSeen`: the pair was, and with this service. */
type JudgedEdge = EdgeSurprisal & Readonly<{ isSeen: boolean }>;

/** Surprisal of each edge of a window by the memory and what the shared model says of its pairs, shape [edges]. */
export function surprisals(
  { memory, sharedWeight }: Pick<FlowClusterState, 'memory' | 'sharedWeight'>,
  { slice, names }: NamedSlice,
  { keys, pairOfEdge }: NamedPairs,
  { link, refusal }: PairLogits,
): JudgedEdge[] {
  return names.edges.map(({ protocol, port }, edge) => {
    const client = keys[slice.clients[edge] as number] as string;
    const server = keys[slice.servers[edge] as number] as string;
    const evidence = memory.evidence(client, server, serviceOf(protocol, port));
    const ofPair = (logits: Float32Array) => logits[pairOfEdge[edge] as number] ?? Number.NaN;
    const verdicts = refusal && { share: refusedShareOf(slice, edge), logit: ofPair(refusal) };
    const isSeen = evidence.pair > 0 && evidence.service > 0;
    return { ...judgedEdge(evidence, sharedWeight * ofPair(link), verdicts, memory.windows), isSeen };
  });
}

/** The highest score of the edges that each client opened, by node. */
export function worstByClient({ slice }: NamedSlice, scores: readonly number[]): Map<number, number> {
  const worst = new Map<number, number>();
  for (const [edge, score] of scores.entries()) {
    const client = slice.clients[edge] as number;
    worst.set(client, Math.max(worst.get(client) ?? 0, score));
  }
  return worst;
}

export function recordOf(state: FlowClusterState): FlowClusterRecord {
  const { memory, reference, sharedWeight, seenUsual, edgeTail, workloadTail } = state;
  return {
    sharedWeight,
    ...(seenUsual !== undefined && { seenUsual }),
    memory: memory.record(),
    reference: reference.record(),
    ...(edgeTail !== undefined && { edgeTail }),
    ...(workloadTail !== undefined && { workloadTail }),
  };
}

/** columns: of the model that the record was made with. Throws a RangeError on a record that does not hold together. */
export function stateOf(record: FlowClusterRecord, columns: LinkColumns = linkColumns[1]): FlowClusterState {
  const { memory, reference, sharedWeight = 1, seenUsual, edgeTail, workloadTail } = record;
  if (!(sharedWeight >= 0 && sharedWeight <= 1))
    throw new RangeError(`shared weight: ${sharedWeight} is not from 0 to 1`);
  return {
    sharedWeight,
    seenUsual,
    memory: PairMemory.fromRecord(memory),
    reference: ReferenceGraph.fromRecord(reference, columns),
    edgeTail,
    workloadTail,
  };
}
