/** The next-call language model in 8 bits: the same windows in, the same surprisals out, as prediction-network.ts. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { dense, lookUp, lstm, reshape, surprisalOf } from '../../../light/layers.ts';
import { OnnxGraph } from '../../../light/onnx-graph.ts';
import { OnnxSession } from '../../../light/onnx-session.ts';
import { languageModelClasses, languageModelSizes, predictionSpan } from '../language-model-spec.ts';
import type { PredictionNetwork } from '../surprisal-reader.ts';
import { vocabulary } from '../vocabulary.ts';
import { weightsByName } from './weights-by-name.ts';

/** weights: flat, finite. The same weights give the same bytes. */
export function exportLanguageModel(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const sizes = languageModelSizes(spec);
  const { embedding, classEmbedding, hidden, warmUp, predicted } = sizes;
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
  const x = graph.node('Concat', [read, beside(steps)], { attributes: { axis: 2 } });
  const { all } = lstm(graph, x, { weights: of('lstm.weights'), bias: of('lstm.bias'), hidden });
  const known = graph.node('Concat', [rows(graph, all, warmUp, predicted), beside(predicted)], {
    attributes: { axis: 2 },
  });
  const guess = dense(graph, reshape(graph, known, [-1, hidden + classEmbedding]), of('projection'), embedding);
  const logits = dense(graph, guess, transposed(of('embedding'), embedding), vocabulary.length, of('output.bias'));
  const targets = reshape(graph, rows(graph, timeMajor, warmUp + 1, predicted), [-1]);
  const byPlace = reshape(graph, surprisalOf(graph, logits, targets), [predicted, -1]);
  graph.node('Transpose', [byPlace], { attributes: { perm: [1, 0] }, outputs: ['surprisal'] });
  graph.output('surprisal', 'float32', ['B', predicted]);
  return graph.bytes();
}

/** What `exportLanguageModel` wrote, ready to predict. Throws where it is no such model. */
export function lightPredictionNetwork(spec: ModelSpec, light: Uint8Array): PredictionNetwork {
  const sizes = languageModelSizes(spec);
  const session = new OnnxSession(light);
  return {
    sizes,
    classes: languageModelClasses(spec),
    surprisal: ({ size, calls, classes }) =>
      session.run({
        calls: { type: 'int64', shape: [size, predictionSpan(sizes)], values: calls },
        classes: { type: 'int64', shape: [size], values: classes },
      }).surprisal as Float32Array,
    close: () => session.close(),
  };
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
