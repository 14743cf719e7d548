/** A model of feature rows as a folder: beside its weights, `normal.json` holds rows that local scales are fitted to. */
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { bytesOfValues } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import {
  jsonBytes,
  type ModelFolderFaultCode,
  parsedFile,
  type StoredModel,
  writeModelFiles,
} from '../../model-files.ts';
import { featureColumns } from '../../neural/features/autoencoder.ts';
import type { FeatureRow } from '../feature-row.ts';
import { FeatureRowsJudge } from '../feature-rows-judge.ts';
import { type RowFile, readRowFile } from './labelled-rows.ts';

/** Rows that stay beside a model: a median and a mean error need no more. */
const keptMax = 2_000;

/** Throws when the disk refuses. normal: the cluster's own; in the field the folder lies in that cluster. */
export async function saveRowModel(
  path: string,
  { spec, weights, normal }: Readonly<{ spec: ModelSpec; weights: Float32Array; normal: readonly FeatureRow[] }>,
): Promise<void> {
  const stride = Math.max(1, normal.length / keptMax);
  const kept = Array.from({ length: Math.min(keptMax, normal.length) }, (_, at) => normal[Math.floor(at * stride)]);
  const files = [
    ['spec.json', jsonBytes(spec)],
    ['weights.bin', bytesOfValues(weights)],
    ['normal.json', Buffer.from(JSON.stringify(kept))],
  ] as const;
  await writeModelFiles(path, new Map<string, Uint8Array>(files));
}

/** A stored model with the scale of the normal rows in `normal`, else of those in its folder. */
export async function openRowModel(
  { where, spec, weights, files }: StoredModel,
  normal: string | undefined,
): Promise<Result<FeatureRowsJudge, ModelFolderFaultCode | 'INPUT_UNREADABLE' | 'OPTION_WRONG'>> {
  let rows = (parsedFile(files, 'normal.json') ?? []) as FeatureRow[];
  if (normal !== undefined) {
    const file = await readRowFile(normal);
    if (!file.ok) return file;
    rows = file.value.rows.filter(({ label }) => label === '').map(({ row }) => row);
    if (rows.length === 0)
      return refuse(
        'INPUT_UNREADABLE',
        `${normal}: ${file.value.rows.length} rows, all of them hostile: none is normal`,
      );
  }
  if (rows.length === 0)
    return refuse('OPTION_WRONG', `--normal: ${where} holds no normal rows, so a file of them is needed`);
  try {
    return ok(new FeatureRowsJudge(spec, weights, rows));
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${where}: ${(error as Error).message}`);
  }
}

/** All rows of a file that a model is to judge; refused where it knows not one of the file's columns: all would score alike. */
export async function readRowsOf(spec: ModelSpec, path: string): Promise<Result<RowFile, 'INPUT_UNREADABLE'>> {
  const file = await readRowFile(path);
  if (!file.ok) return file;
  const known = new Set(featureColumns(spec).flatMap((column) => [column, column.split('=', 1)[0]]));
  if (file.value.rows.some(({ row }) => Object.keys(row.fields).some((name) => known.has(name)))) return file;
  const wanted = featureColumns(spec).slice(0, 5).join(', ');
  return refuse(
    'INPUT_UNREADABLE',
    `${path} has none of the model's columns (${wanted}, …); is it a table of the same kind?`,
  );
}
