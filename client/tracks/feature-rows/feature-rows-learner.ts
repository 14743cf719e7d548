import { ok, type Result } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Learner } from '../learner.ts';
import {
  batchesOf,
  batchLoss,
  type FeatureBatch,
  featureColumns,
  featureScale,
} from '../neural/features/autoencoder.ts';
import { scaled } from '../neural/features/robust-scale.ts';
import { FlatTrainer } from '../neural/flat-trainer.ts';
import type { FeatureRow } from './feature-row.ts';
import { valuesOf } from './row-columns.ts';

/** The autoencoder of rows as something that a round can train. Throws a RangeError for another architecture's spec. */
export function featureRowsLearner(
  spec: ModelSpec,
  base: Float32Array,
): Result<Learner<FeatureBatch, FeatureRow>, never> {
  const columns = featureColumns(spec);
  const trainer = new FlatTrainer(spec, base);
  return ok({
    *batches(rows, batchSize, seed) {
      if (rows.length === 0) return;
      const values = valuesOf(rows, columns);
      let left = Math.ceil(rows.length / batchSize);
      const all = batchesOf(scaled(featureScale(spec, values), values), columns.length, batchSize, seededRandom(seed));
      for (const batch of all) {
        if (left-- === 0) return;
        yield batch;
      }
    },
    step: (batch, options) => trainer.step((parameters) => batchLoss(parameters, batch), options),
    weights: () => trainer.weights(),
    close: () => trainer.close(),
  });
}
