/** The layers of our networks as 8-bit ONNX nodes. Activations are quantised as they come (dynamic quantisation). */
import type { OnnxGraph } from './onnx-graph.ts';
import { quantiseColumns } from './quantise.ts';

/** Our gate order is input, forget, candidate, output; ONNX's is input, output, forget, candidate. */
const gateOrder = [0, 3, 1, 2] as const;

export type LstmWeights = Readonly<{
  /** [I + H, 4H], input rows first. */
  weights: Float32Array;
  /** [4H]. */
  bias: Float32Array;
  hidden: number;
}>;

/** LSTM over a time-major sequence from a zero state. x: [T, B, I]. Names of all outputs [T, B, H], and the last [B, H]. */
export function lstm(
  graph: OnnxGraph,
  x: string,
  { weights, bias, hidden }: LstmWeights,
): { all: string; last: string } {
  const gates = 4 * hidden;
  const rows = weights.length / gates;
  const inputs = rows - hidden;
  const ordered = Float32Array.from(weights, (_, index) => {
    const column = index % gates;
    return weights[index - column + sourceColumn(column, hidden)] as number;
  });
  const input = quantiseColumns(ordered.subarray(0, inputs * gates), gates);
  const recurrent = quantiseColumns(ordered.subarray(inputs * gates), gates);
  const biases = new Float32Array(2 * gates); // ONNX has a bias for the input and one for the state; the second stays zero.
  for (let column = 0; column < gates; column++) biases[column] = bias[sourceColumn(column, hidden)] as number;
  const zeros = graph.constant(new Int8Array(gates), [1, gates]);
  const [all, last] = [`${x}.all`, `${x}.last`];
  graph.node(
    'DynamicQuantizeLSTM',
    [
      x,
      graph.constant(input.values, [1, inputs, gates]),
      graph.constant(recurrent.values, [1, hidden, gates]),
      graph.constant(biases, [1, 2 * gates]),
      '',
      '',
      '',
      '',
      graph.constant(input.scales, [1, gates]),
      zeros,
      graph.constant(recurrent.scales, [1, gates]),
      zeros,
    ],
    { attributes: { hidden_size: hidden }, outputs: [all, last], domain: 'com.microsoft' },
  );
  // Both carry an axis for the directions, of which there is one.
  return {
    all: graph.node('Squeeze', [all, graph.constant([1], [1])]),
    last: graph.node('Squeeze', [last, graph.constant([0], [1])]),
  };
}

function sourceColumn(column: number, hidden: number): number {
  const gate = Math.floor(column / hidden);
  return (gateOrder[gate] as number) * hidden + (column % hidden);
}

/** x · weights + bias. x: [N, rows]; weights: row-major, [rows × columns]; bias: [columns]. */
export function dense(
  graph: OnnxGraph,
  x: string,
  weights: Float32Array,
  columns: number,
  bias: Float32Array = new Float32Array(columns),
): string {
  const { values, scales } = quantiseColumns(weights, columns);
  return graph.node(
    'DynamicQuantizeMatMul',
    [
      x,
      graph.constant(values, [weights.length / columns, columns]),
      graph.constant(scales, [columns]),
      graph.constant(new Int8Array(columns), [columns]),
      graph.constant(bias, [columns]),
    ],
    { domain: 'com.microsoft' },
  );
}

/** Rows of a table by id. ids: int64 of any shape; table: row-major, [rows × columns]. Appends an axis of `columns`. */
export function lookUp(graph: OnnxGraph, ids: string, table: Float32Array, columns: number): string {
  const { values, scales } = quantiseColumns(table, columns);
  const codes = graph.node('Gather', [graph.constant(values, [table.length / columns, columns]), ids]);
  return graph.node('Mul', [toFloat(graph, codes), graph.constant(scales, [columns])]);
}

/** −ln softmax(logits) at the targets. logits: [N, V]; targets: int64 [N]. Returns [N]. */
export function surprisalOf(graph: OnnxGraph, logits: string, targets: string): string {
  const logProbabilities = graph.node('LogSoftmax', [logits], { attributes: { axis: 1 } });
  const column = graph.node('Unsqueeze', [targets, graph.constant([1], [1])]);
  const picked = graph.node('GatherElements', [logProbabilities, column], { attributes: { axis: 1 } });
  return graph.node('Neg', [graph.node('Squeeze', [picked, graph.constant([1], [1])])]);
}

/** As float32 (ONNX's data type 1). */
export function toFloat(graph: OnnxGraph, x: string): string {
  return graph.node('Cast', [x], { attributes: { to: 1 } });
}

export function reshape(graph: OnnxGraph, x: string, shape: readonly number[]): string {
  return graph.node('Reshape', [x, graph.constant(shape, [shape.length])]);
}
