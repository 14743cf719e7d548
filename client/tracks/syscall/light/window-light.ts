/** Networks that write windows again, in 8 bits: the same windows in, the same surprisals out, as window-network.ts. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { dense, lookUp, lstm, reshape, surprisalOf } from '../../onnx/layers.ts';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { autoencoderSizes } from '../windows/autoencoder-spec.ts';
import { divergenceWeight, variationalSizes } from '../windows/variational-spec.ts';
import type { WindowNetwork } from '../windows/window-reader.ts';
import { weightsByName } from './weights-by-name.ts';

/** weights: flat, finite. The same weights give the same bytes. */
export function exportAutoencoder(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const sizes = autoencoderSizes(spec);
  const of = weightsByName(spec, weights);
  const graph = new OnnxGraph(spec.architecture);
  const { timeMajor, summary } = encoder(graph, of, sizes);
  finish(graph, decoded(graph, of, sizes, summary, timeMajor), sizes.window);
  return graph.bytes();
}

/** As `exportAutoencoder`; the distribution's mean is written again, and its divergence shared out over the calls. */
export function exportVariational(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const sizes = variationalSizes(spec);
  const of = weightsByName(spec, weights);
  const graph = new OnnxGraph(spec.architecture);
  const { timeMajor, summary } = encoder(graph, of, sizes);
  const both = dense(graph, summary, of('latent.weights'), 2 * sizes.latent, of('latent.bias'));
  const part = (from: number) =>
    graph.node('Slice', [
      both,
      graph.constant([from], [1]),
      graph.constant([from + sizes.latent], [1]),
      graph.constant([1], [1]),
    ]);
  const mean = part(0);
  const bound = (value: number) => graph.constant(Float32Array.of(value), []);
  const logVariance = graph.node('Clip', [part(sizes.latent), bound(-8), bound(8)]);
  const square = graph.node('Mul', [mean, mean]);
  const spread = graph.node('Sub', [graph.node('Exp', [logVariance]), logVariance]);
  const terms = graph.node('Sub', [graph.node('Add', [square, spread]), bound(1)]);
  const sum = graph.node('ReduceSum', [terms, graph.constant([1], [1])], { attributes: { keepdims: 0 } });
  const shared = graph.node('Mul', [sum, bound((0.5 * divergenceWeight) / sizes.window)]);
  finish(graph, graph.node('Add', [decoded(graph, of, sizes, mean, timeMajor), shared]), sizes.window);
  return graph.bytes();
}

/** What one of the above wrote, ready to read windows of `window` calls. Throws where it is no such model. */
export function lightWindowNetwork(window: number, light: Uint8Array): WindowNetwork {
  const session = new OnnxSession(light);
  return {
    window,
    surprisal: (windows) =>
      session.run({ windows: { type: 'int64', shape: [windows.length / window, window], values: windows } })
        .surprisal as Float32Array,
    close: () => session.close(),
  };
}

type Sizes = Readonly<{ window: number; vocabulary: number; embedding: number; hidden: number }>;
type WeightsOf = (name: string) => Float32Array;

function encoder(graph: OnnxGraph, of: WeightsOf, { window, embedding, hidden }: Sizes) {
  const windows = graph.input('windows', 'int64', ['B', window]);
  const timeMajor = graph.node('Transpose', [windows], { attributes: { perm: [1, 0] } });
  const read = lookUp(graph, timeMajor, of('embedding'), embedding);
  const { last } = lstm(graph, read, { weights: of('encoder.weights'), bias: of('encoder.bias'), hidden });
  return { timeMajor, summary: last };
}

/** −ln p of each call, [window, B]. summary: [B, I], read at every step. */
function decoded(graph: OnnxGraph, of: WeightsOf, sizes: Sizes, summary: string, timeMajor: string): string {
  const once = graph.node('Unsqueeze', [summary, graph.constant([0], [1])]);
  const repeated = graph.node('Tile', [once, graph.constant([sizes.window, 1, 1], [3])]);
  const { all } = lstm(graph, repeated, {
    weights: of('decoder.weights'),
    bias: of('decoder.bias'),
    hidden: sizes.hidden,
  });
  const states = reshape(graph, all, [-1, sizes.hidden]);
  const logits = dense(graph, states, of('output.weights'), sizes.vocabulary, of('output.bias'));
  const surprisal = surprisalOf(graph, logits, reshape(graph, timeMajor, [-1]));
  return reshape(graph, surprisal, [sizes.window, -1]);
}

function finish(graph: OnnxGraph, byPlace: string, window: number): void {
  graph.node('Transpose', [byPlace], { attributes: { perm: [1, 0] }, outputs: ['surprisal'] });
  graph.output('surprisal', 'float32', ['B', window]);
}
