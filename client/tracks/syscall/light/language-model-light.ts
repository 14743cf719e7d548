/** The next-call language model in 8 bits: the same windows in, the same surprisals out, as prediction-network.ts. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import { dense, lookUp, lstm, reshape, surprisalOf, toFloat } from '../../onnx/layers.ts';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import {
  type LanguageModelSizes,
  languageModelClasses,
  languageModelSizes,
  predictionSpan,
} from '../language-model/language-model-spec.ts';
import type { PredictionNetwork } from '../language-model/surprisal-reader.ts';
import { weightsByName } from './weights-by-name.ts';

/** weights: flat, finite. The same weights give the same bytes. */
export function exportLanguageModel(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const sizes = languageModelSizes(spec);
  const { embedding, classEmbedding, hidden, warmUp, predicted, argumentEmbedding } = sizes;
  const of = weightsByName(spec, weights);
  const graph = new OnnxGraph(spec.architecture);
  const calls = graph.input('calls', 'int64', ['B', predictionSpan(sizes)]);
  const classes = graph.input('classes', 'int64', ['B']);
  const timeMajor = graph.node('Transpose', [calls], { attributes: { perm: [1, 0] } });
  const steps = warmUp + predicted;
  const read = lookUp(graph, rows(graph, timeMajor, 0, steps), of('embedding'), embedding);
  const ofClass = graph.node('Unsqueeze', [
    lookUp(graph, classes, of('class'), classEmbedding),
    graph.constant([0], [1]),
  ]);
  const beside = (count: number) => graph.node('Tile', [ofClass, graph.constant([count, 1, 1], [3])]);
  const args = argumentEmbedding === undefined ? undefined : timeMajorArguments(graph, sizes);
  const readArguments =
    args === undefined ? [] : [lookUp(graph, rows(graph, args, 0, steps), of('argument'), argumentEmbedding as number)];
  const x = graph.node('Concat', [read, ...readArguments, beside(steps)], { attributes: { axis: 2 } });
  const { all } = lstm(graph, x, { weights: of('lstm.weights'), bias: of('lstm.bias'), hidden });
  const states = graph.node('Concat', [rows(graph, all, warmUp, predicted), beside(predicted)], {
    attributes: { axis: 2 },
  });
  const before = reshape(graph, states, [-1, hidden + classEmbedding]);
  const guess = dense(graph, before, of('projection'), embedding);
  const logits = dense(graph, guess, transposed(of('embedding'), embedding), vocabulary.length, of('output.bias'));
  const targets = reshape(graph, rows(graph, timeMajor, warmUp + 1, predicted), [-1]);
  const byPlace = reshape(graph, surprisalOf(graph, logits, targets), [predicted, -1]);
  const places = [byPlace];
  if (args !== undefined && argumentEmbedding !== undefined) {
    const ids = reshape(graph, rows(graph, args, warmUp + 1, predicted), [-1]);
    const call = lookUp(graph, targets, of('embedding'), embedding);
    const called = graph.node('Concat', [before, call], { attributes: { axis: 1 } });
    const bias = of('argument.bias');
    const guessed = dense(graph, called, of('argument.projection'), argumentEmbedding);
    const table = transposed(of('argument'), argumentEmbedding);
    const found = surprisalOf(graph, dense(graph, guessed, table, bias.length, bias), ids);
    // Rows count up from `unseenArguments`, 0: a call that is not seen weighs 0, every other 1.
    const seen = toFloat(graph, graph.node('Min', [ids, graph.constant([1], [1])]));
    places.push(reshape(graph, graph.node('Mul', [found, seen]), [predicted, -1]));
  }
  const both = args === undefined ? byPlace : graph.node('Concat', places, { attributes: { axis: 0 } });
  graph.node('Transpose', [both], { attributes: { perm: [1, 0] }, outputs: ['surprisal'] });
  graph.output('surprisal', 'float32', ['B', places.length * predicted]);
  return graph.bytes();
}

/** What `exportLanguageModel` wrote, ready to predict. Throws where it is no such model. */
export function lightPredictionNetwork(spec: ModelSpec, light: Uint8Array): PredictionNetwork {
  const sizes = languageModelSizes(spec);
  const session = new OnnxSession(light);
  return {
    sizes,
    classes: languageModelClasses(spec),
    surprisal: ({ size, calls, classes, arguments: args }) =>
      session.run({
        calls: { type: 'int64', shape: [size, predictionSpan(sizes)], values: calls },
        ...(args && { arguments: { type: 'int64', shape: [size, predictionSpan(sizes)], values: args } }),
        classes: { type: 'int64', shape: [size], values: classes },
      }).surprisal as Float32Array,
    close: () => session.close(),
  };
}

function timeMajorArguments(graph: OnnxGraph, sizes: LanguageModelSizes): string {
  const input = graph.input('arguments', 'int64', ['B', predictionSpan(sizes)]);
  return graph.node('Transpose', [input], { attributes: { perm: [1, 0] } });
}

/** `count` rows along the first axis, from `start`. */
function rows(graph: OnnxGraph, x: string, start: number, count: number): string {
  return graph.node('Slice', [x, graph.constant([start], [1]), graph.constant([start + count], [1])]);
}

/** [rows × columns] as [columns × rows]. */
function transposed(values: Float32Array, columns: number): Float32Array {
  const rowCount = values.length / columns;
  return Float32Array.from(
    values,
    (_, index) => values[(index % rowCount) * columns + Math.floor(index / rowCount)] as number,
  );
}
