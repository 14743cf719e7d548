import { ok, type Result } from '../../../../base/fault.ts';
import { seededRandom } from '../../../../base/random.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Learner } from '../../learner.ts';
import { batchesOf, batchLoss, type FeatureBatch, featureScale } from '../../neural/features/autoencoder.ts';
import { scaled } from '../../neural/features/robust-scale.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { sliceColumns, sliceRows } from './slice-rows.ts';

/** The autoencoder of flow features as something that a round can train: rows are the edges of a cluster's windows. */
export function featureLearner(spec: ModelSpec, base: Float32Array): Result<Learner<FeatureBatch, NamedSlice>, never> {
  const trainer = new FlatTrainer(spec, base);
  return ok({
    *batches(windows, batchSize, seed) {
      const rows = sliceRows(windows.map(({ slice }) => slice));
      const width = sliceColumns.length;
      if (rows.length === 0) return;
      let left = Math.ceil(rows.length / width / batchSize);
      for (const batch of batchesOf(scaled(featureScale(spec, rows), rows), width, batchSize, seededRandom(seed))) {
        if (left-- === 0) return;
        yield batch;
      }
    },
    step: (batch, options) => trainer.step((parameters) => batchLoss(parameters, batch), options),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
