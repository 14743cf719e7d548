/**
 * Why the shared model finds a pair likely or not: exact Shapley values (Lundberg and Lee, NeurIPS 2017) of groups of what the
 * decoder reads, against the typical edge of the cluster. They sum to the pair's log-odds less the typical edge's.
 */
import type { Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { decode } from '../link/link-model.ts';
import type { EncodedGraph } from '../link/link-reader.ts';
import { pairTensors } from '../link/message-graph.ts';
import { pairFeatureNames as names, type pairFeatureNames, pairWidth } from '../link/pair-features.ts';

const activity = [
  'targets of the source',
  'callers of the target',
  'callers of the source',
  'targets of the target',
  'share of workloads that call the target',
  'share of workloads that the source calls',
] as const satisfies readonly (typeof pairFeatureNames)[number][];
const peers = ['peers of the source that call the target', 'targets of the source that are like the target'] as const;

/** Ends first, then groups of pair features; together they are all that the decoder reads. */
const groups: readonly Readonly<{ name: string; reads: 'source' | 'target' | readonly number[] }>[] = [
  { name: 'the role of the client and its neighbourhood', reads: 'source' },
  { name: 'the role of the server and its neighbourhood', reads: 'target' },
  { name: 'how many workloads either end deals with', reads: indicesOf(activity) },
  { name: 'whether workloads like the client call the server', reads: indicesOf(peers) },
  {
    name: 'neighbours in common, and a call the other way',
    reads: [...names.keys()].filter((at) => ![...activity, ...peers].some((name) => name === names[at])),
  },
];

export type LinkAttribution = Readonly<{
  logit: number;
  /** Log-odds of the typical edge: what the parts start from. */
  typical: number;
  /** In log-odds; negative parts make the pair less likely. Largest first by size. */
  parts: readonly Readonly<{ what: string; logOdds: number }>[];
}>;

/** Attribution of one pair of an encoded graph; the typical edge is the mean of at most 200 of its edges. */
export function attributeLink(encoded: EncodedGraph, source: number, target: number): LinkAttribution {
  const coalitions = 1 << groups.length;
  const logits = tf.tidy(() => {
    const own = endsOf(encoded, [source], [target]);
    const { sources, targets } = encoded.graph;
    const stride = Math.max(1, sources.length / 200);
    const chosen = Array.from({ length: Math.min(sources.length, 200) }, (_, i) => Math.floor(i * stride));
    const known = endsOf(
      encoded,
      chosen.map((edge) => sources[edge] as number),
      chosen.map((edge) => targets[edge] as number),
    );
    const mean = (rows: Tensor2D) => tf.mean(rows, 0, true) as Tensor2D;
    const picked = (reads: 'source' | 'target', from: Tensor2D, other: Tensor2D) => {
      const bit = groups.findIndex((group) => group.reads === reads);
      const mask = tf.tensor2d(
        Array.from({ length: coalitions }, (_, set) => (set >> bit) & 1),
        [coalitions, 1],
      );
      return tf.add(tf.mul(mask, from), tf.mul(tf.sub(1, mask), other)) as Tensor2D;
    };
    const mask = tf.tensor2d(featureMask(coalitions), [coalitions, pairWidth]);
    return decode(encoded.parameters, {
      source: picked('source', own.source, mean(known.source)),
      target: picked('target', own.target, mean(known.target)),
      features: tf.add(tf.mul(mask, own.features), tf.mul(tf.sub(1, mask), mean(known.features))) as Tensor2D,
    });
  });
  const values = logits.dataSync<'float32'>().slice();
  logits.dispose();
  const shares = shapleyOf(values, groups.length);
  return {
    logit: values[coalitions - 1] as number,
    typical: values[0] as number,
    parts: groups
      .map(({ name }, at) => ({ what: name, logOdds: shares[at] as number }))
      .sort((a, b) => Math.abs(b.logOdds) - Math.abs(a.logOdds)),
  };
}

/** Exact Shapley values from the values of all coalitions, by their bits: shape [2^players] to [players]. */
export function shapleyOf(values: ArrayLike<number>, players: number): Float64Array {
  const shares = new Float64Array(players);
  const weightOf = Array.from({ length: players }, (_, size) => factorial(size) * factorial(players - size - 1));
  for (let set = 0; set < 1 << players; set++) {
    const weight = (weightOf[bitsOf(set)] ?? 0) / factorial(players);
    for (let player = 0; player < players; player++) {
      if ((set >> player) & 1) continue;
      const gain = (values[set | (1 << player)] as number) - (values[set] as number);
      shares[player] = (shares[player] as number) + weight * gain;
    }
  }
  return shares;
}

function endsOf(encoded: EncodedGraph, sources: readonly number[], targets: readonly number[]) {
  const pairs = pairTensors([encoded], [{ sources, targets }]);
  return {
    source: tf.gather(encoded.states, pairs.sources) as Tensor2D,
    target: tf.gather(encoded.states, pairs.targets) as Tensor2D,
    features: pairs.features,
  };
}

function featureMask(coalitions: number): Float32Array {
  const mask = new Float32Array(coalitions * pairWidth);
  for (const [bit, { reads }] of groups.entries()) {
    if (typeof reads === 'string') continue;
    for (let set = 0; set < coalitions; set++) for (const at of reads) mask[set * pairWidth + at] = (set >> bit) & 1;
  }
  return mask;
}

function indicesOf(wanted: readonly string[]): number[] {
  return wanted.map((name) => (names as readonly string[]).indexOf(name));
}

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

function bitsOf(set: number): number {
  let count = 0;
  for (let left = set; left !== 0; left &= left - 1) count++;
  return count;
}
