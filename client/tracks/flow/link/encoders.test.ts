import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { randomOrder, seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import { parametersOf } from '../../neural/parameters.ts';
import { sampleGraph } from '../testing/sample-windows.ts';
import { type EncoderName, encode } from './encoders.ts';
import { Adjacency, type LinkGraph } from './link-graph.ts';
import { initialLinkModel, linkLoss, linkSizes, linkSpec } from './link-model.ts';
import { linkExample } from './link-training.ts';
import { messageGraph, pairTensors } from './message-graph.ts';
import { nodeFeatures } from './node-features.ts';
import { plainStates } from './testing/plain-encoders.ts';

const names: EncoderName[] = ['gcn', 'gat'];

function states(name: EncoderName, weights: Float32Array, graph: LinkGraph): Float32Array {
  const spec = linkSpec(name);
  const encoded = tf.tidy(() =>
    encode(
      name,
      parametersOf(layoutOf(spec), tf.tensor1d(weights)),
      messageGraph([{ graph, adjacency: new Adjacency(graph) }]),
      linkSizes(spec),
    ),
  );
  const values = encoded.dataSync<'float32'>().slice();
  encoded.dispose();
  return values;
}

/** The same graph with its nodes numbered anew: node i becomes order[i]. */
function renumbered(graph: LinkGraph, order: Uint32Array): LinkGraph {
  const traits = new Float32Array(graph.traits.length);
  for (const [node, place] of order.entries()) {
    traits.set(graph.traits.subarray(node * graph.traitWidth, (node + 1) * graph.traitWidth), place * graph.traitWidth);
  }
  const moved = (nodes: Uint32Array) => nodes.map((node) => order[node] as number);
  return { ...graph, traits, sources: moved(graph.sources), targets: moved(graph.targets) };
}

describe.each(names)('the %s encoder', (name) => {
  const spec = linkSpec(name);
  const width = linkSizes(spec).hidden;

  it('agrees with its formula written out node by node', () => {
    const graph = sampleGraph(3, 10);
    const adjacency = new Adjacency(graph);
    const weights = initialLinkModel(spec, 9);
    const wanted = plainStates(name, spec, weights, graph, nodeFeatures(graph, adjacency), adjacency);
    const found = states(name, weights, graph);
    expect([...found]).toEqual(wanted.flat().map((value) => expect.closeTo(value, 3)));
  });

  it('gives a workload the same vector whatever its number is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 6, max: 20 }), (seed, size) => {
        const graph = sampleGraph(seed, size);
        const weights = initialLinkModel(spec, seed);
        const order = randomOrder(graph.nodeCount, seededRandom(seed));
        const [before, after] = [states(name, weights, graph), states(name, weights, renumbered(graph, order))];
        for (const [node, place] of order.entries()) {
          for (let at = 0; at < width; at++) {
            expect(after[place * width + at]).toBeCloseTo(before[node * width + at] as number, 3);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  it('has the gradients that finite differences give', () => {
    const graph = sampleGraph(5, 8);
    const layout = layoutOf(spec);
    const sizes = linkSizes(spec);
    const example = linkExample(graph, new Adjacency(graph), seededRandom(4));
    const weights = initialLinkModel(spec, 2);
    const lossAt = (flat: Tensor1D) =>
      linkLoss(
        name,
        parametersOf(layout, flat),
        sizes,
        messageGraph([example]),
        pairTensors([example], [example]),
        tf.tensor1d([...example.labels]),
      );
    const gradient = tf
      .tidy(() => tf.grad((flat) => lossAt(flat as Tensor1D))(tf.tensor1d(weights)))
      .dataSync<'float32'>()
      .slice();
    const valueAt = (values: Float32Array) => tf.tidy(() => lossAt(tf.tensor1d(values))).dataSync()[0] as number;
    // Along each tensor's own gradient: single weights move a float32 loss by too little to measure.
    let compared = 0;
    for (const { offset, length } of layout.slots) {
      const own = gradient.subarray(offset, offset + length);
      const norm = Math.hypot(...own);
      if (norm < 2e-3) continue;
      const step = 1e-2;
      const moved = (by: number) =>
        valueAt(
          weights.map((value, at) =>
            at < offset || at >= offset + length ? value : value + (by * (own[at - offset] as number)) / norm,
          ),
        );
      expect((moved(step) - moved(-step)) / (2 * step) / norm).toBeCloseTo(1, 1);
      compared++;
    }
    expect(compared).toBeGreaterThan(layout.slots.length / 2);
  });

  it('hears nothing from a graph beside it', () => {
    const [one, other] = [sampleGraph(1, 9), sampleGraph(2, 12)];
    const weights = initialLinkModel(spec, 3);
    const together = tf.tidy(
      () =>
        encode(
          name,
          parametersOf(layoutOf(spec), tf.tensor1d(weights)),
          messageGraph([one, other].map((graph) => ({ graph, adjacency: new Adjacency(graph) }))),
          linkSizes(spec),
        ) as Tensor2D,
    );
    const alone = states(name, weights, other);
    const values = together.dataSync().slice(one.nodeCount * width);
    together.dispose();
    expect([...values]).toEqual([...alone].map((value) => expect.closeTo(value, 3)));
  });
});
