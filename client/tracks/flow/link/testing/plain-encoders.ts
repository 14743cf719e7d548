/** The encoders' formulas in plain numbers, node by node: what the tensor code is tested against. */
import { layoutOf } from '../../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../../proto/model-spec.ts';
import { attentionBound, type EncoderName } from '../encoders.ts';
import type { Adjacency, LinkGraph } from '../link-graph.ts';
import { linkSizes } from '../link-model.ts';

type Vector = number[];

/** States of every node, [n][hidden]. */
export function plainStates(
  name: EncoderName,
  spec: ModelSpec,
  weights: Float32Array,
  graph: LinkGraph,
  features: Float32Array,
  adjacency: Adjacency,
): Vector[] {
  const { nodeWidth, hidden, layers, heads } = linkSizes(spec);
  const tensor = (wanted: string) => {
    const slot = layoutOf(spec).slots.find((one) => one.name === wanted);
    if (slot === undefined) throw new Error(`no tensor ${wanted}`);
    return weights.subarray(slot.offset, slot.offset + slot.length);
  };
  /** vector · matrix, [hidden of the matrix]. */
  const times = (vector: ArrayLike<number>, matrix: string, columns: number): Vector =>
    Array.from({ length: columns }, (_, column) => {
      let sum = 0;
      const values = tensor(matrix);
      for (let row = 0; row < vector.length; row++)
        sum += (vector[row] as number) * (values[row * columns + column] as number);
      return sum;
    });
  const plus = (...vectors: ArrayLike<number>[]): Vector =>
    Array.from({ length: hidden }, (_, at) => vectors.reduce((sum, vector) => sum + (vector[at] as number), 0));
  const nodes = [...Array(graph.nodeCount).keys()];
  let state = nodes.map((node) => {
    const own = features.subarray(node * nodeWidth, (node + 1) * nodeWidth);
    return normalized(relu(plus(times(own, 'input.weights', hidden), tensor('input.bias'))));
  });
  for (let layer = 0; layer < layers; layer++) {
    const before = state;
    state = nodes.map((node) => {
      const heard = (['in', 'out'] as const).map((way) => {
        const neighbours = [...((way === 'in' ? adjacency.into : adjacency.out)[node] as Uint32Array)];
        const matrix = `layer${layer}.${way}`;
        const sent = neighbours.map((other) => times(before[other] as Vector, matrix, hidden));
        const shares =
          name === 'gcn'
            ? neighbours.map((other) =>
                Array(heads).fill(coefficient(adjacency, way === 'in' ? other : node, way === 'in' ? node : other)),
              )
            : attention(
                neighbours.map((other) => {
                  const [own, theirs] = [before[node], before[other]].map((one) =>
                    times(one as Vector, `${matrix}.attention`, 2 * heads),
                  ) as [Vector, Vector];
                  return Array.from({ length: heads }, (_, head) => {
                    const raw = (own[head] as number) + (theirs[heads + head] as number);
                    const leaky = raw > 0 ? raw : 0.2 * raw;
                    return attentionBound * Math.tanh(leaky / attentionBound);
                  });
                }),
                heads,
              );
        return Array.from({ length: hidden }, (_, at) =>
          sent.reduce(
            (sum, message, place) =>
              sum + (message[at] as number) * (shares[place]?.[Math.floor((at * heads) / hidden)] as number),
            0,
          ),
        );
      });
      const own = times(before[node] as Vector, `layer${layer}.self`, hidden);
      return normalized(plus(before[node] as Vector, relu(plus(own, ...heard, tensor(`layer${layer}.bias`)))));
    });
  }
  return state;
}

function coefficient(adjacency: Adjacency, source: number, target: number): number {
  const [out, into] = [adjacency.out[source] as Uint32Array, adjacency.into[target] as Uint32Array];
  return 1 / Math.sqrt((1 + out.length) * (1 + into.length));
}

/** Softmax over neighbours, per head. */
function attention(logits: readonly Vector[], heads: number): Vector[] {
  const totals = Array.from({ length: heads }, (_, head) =>
    logits.reduce((sum, one) => sum + Math.exp(one[head] as number), 0),
  );
  return logits.map((one) => one.map((logit, head) => Math.exp(logit) / (totals[head] as number)));
}

function relu(vector: Vector): Vector {
  return vector.map((value) => Math.max(0, value));
}

function normalized(vector: Vector): Vector {
  const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
  const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vector.length;
  return vector.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
}
