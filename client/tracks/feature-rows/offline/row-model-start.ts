import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { featureSpec, initialFeatures } from '../../neural/features/autoencoder.ts';
import { fitScale } from '../../neural/features/robust-scale.ts';
import type { ModelStart } from '../../offline-kind.ts';
import { type FeatureRow, featureRowsArchitecture } from '../feature-row.ts';
import { columnsOf, valuesOf } from '../row-columns.ts';
import { readRowFile } from './labelled-rows.ts';

/** What a federation of rows like these begins with: their columns, and the scale of the normal ones. */
export function startOf(rows: readonly FeatureRow[], without: readonly string[] = []): ModelStart {
  const columns = columnsOf(rows, without);
  const scale = fitScale(valuesOf(rows, columns), columns.length);
  const spec = featureSpec(columns, { scale, architecture: featureRowsArchitecture });
  return { spec, init: (seed) => initialFeatures(spec, seed) };
}

export async function rowModelStart(
  path: string,
  without: readonly string[],
): Promise<Result<ModelStart, 'INPUT_UNREADABLE'>> {
  const file = await readRowFile(path);
  if (!file.ok) return file;
  const normal = file.value.rows.filter(({ label }) => label === '').map(({ row }) => row);
  if (normal.length === 0)
    return refuse('INPUT_UNREADABLE', `${path}: ${file.value.rows.length} rows, all of them hostile: none is normal`);
  if (columnsOf(normal, without).length === 0)
    return refuse('INPUT_UNREADABLE', `${path}: no column of its ${normal.length} normal rows has two values`);
  return ok(startOf(normal, without));
}
