import { ok, type Result } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Learner } from '../learner.ts';
import { FlatTrainer } from '../neural/flat-trainer.ts';
import type { NamedSlice } from './graph/slice.ts';
import type { EncoderName } from './link/encoders.ts';
import { Adjacency } from './link/link-graph.ts';
import { columnsOfSpec, encoderOf, linkSizes } from './link/link-model.ts';
import { batchLoss, type LinkExample, linkExample } from './link/link-training.ts';
import { namedPairs, ReferenceGraph } from './local/reference-graph.ts';

/** Draws of hidden edges that one step learns together. */
const drawsPerStep = 2;
const stepsPerEpochMax = 64;

/** A link model as something that a round can train, step by step, on the graph of all of a cluster's windows. */
export function linkLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<readonly LinkExample[], NamedSlice>, never> {
  const encoder = encoderOf(spec) as EncoderName;
  const sizes = linkSizes(spec);
  const columns = columnsOfSpec(spec);
  const trainer = new FlatTrainer(spec, base);
  return ok({
    *batches(windows, batchSize, seed) {
      const reference = new ReferenceGraph(columns);
      for (const window of windows) reference.learn(namedPairs(window, columns));
      const { graph } = reference.graph();
      if (graph.sources.length === 0 || graph.nodeCount < 3) return;
      const known = new Adjacency(graph);
      const random = seededRandom(seed);
      const steps = Math.min(stepsPerEpochMax, Math.max(1, Math.ceil((8 * graph.sources.length) / batchSize)));
      for (let step = 0; step < steps; step++) {
        yield Array.from({ length: drawsPerStep }, () => linkExample(graph, known, random));
      }
    },
    step: (batch, options) => trainer.step((parameters) => batchLoss(encoder, parameters, sizes, batch), options),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
