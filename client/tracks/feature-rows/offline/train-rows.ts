import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { unreadEndSoFar } from '../../../recordings/compressed/unread-ends.ts';
import { checkModelPlace, type StoredModel } from '../../model-files.ts';
import { featureColumns, featureScale, trainFeatures } from '../../neural/features/autoencoder.ts';
import { scaled } from '../../neural/features/robust-scale.ts';
import type { Report } from '../../offline-kind.ts';
import type { FeatureRow } from '../feature-row.ts';
import { valuesOf } from '../row-columns.ts';
import { readRowFile } from './labelled-rows.ts';
import { saveRowModel } from './row-model.ts';

/**
 * Trains a model's weights on the normal rows of these files, and writes it with them as a folder. A file that cannot be read to its
 * end is refused before anything is learnt: a model of half of what is normal would alarm at the other half, and stand where a good one did.
 */
export async function trainRowModel(
  { where, spec, weights }: StoredModel,
  inputs: readonly string[],
  output: string,
  { steps, seed }: Readonly<{ steps: number; seed: number }>,
): Promise<Result<Report, 'INPUT_CUT_SHORT' | 'INPUT_UNREADABLE' | 'MODEL_UNKNOWN' | 'OUTPUT_UNWRITABLE'>> {
  const place = await checkModelPlace(output); // Before hours of training, not after.
  if (!place.ok) return place;
  const normal: FeatureRow[] = [];
  let read = 0;
  for (const input of inputs) {
    const file = await readRowFile(input);
    if (!file.ok) return file;
    read += file.value.rows.length;
    for (const { row, label } of file.value.rows) if (label === '') normal.push(row);
  }
  const cut = unreadEndSoFar();
  if (cut !== undefined) {
    const what = `${cut.path} was not read to its end (${cut.why})`;
    return refuse('INPUT_CUT_SHORT', `${what}; copy the file again; no model was written`);
  }
  if (normal.length === 0)
    return refuse('INPUT_UNREADABLE', `${inputs.join(', ')}: ${read} rows, all of them hostile: nothing can be learnt`);
  try {
    const values = valuesOf(normal, featureColumns(spec));
    const trained = trainFeatures(spec, weights, scaled(featureScale(spec, values), values), { seed, steps });
    await saveRowModel(output, { spec, weights: trained.weights, normal });
    const detail = { rows: read, learnt: normal.length, steps: trained.steps, loss: trained.loss, output };
    return ok({
      detail,
      text: `${normal.length} of ${read} rows learnt in ${trained.steps} steps, loss ${trained.loss.toFixed(4)}; the model is in ${output}`,
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse('MODEL_UNKNOWN', `${where}: ${error.message}`);
  }
}
