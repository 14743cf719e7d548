import { ok, type Result, refuse } from '../../../../base/fault.ts';
import type { FeatureRow } from '../feature-row.ts';
import { readRows } from '../row-table.ts';

export type LabelledRow = Readonly<{ line: number; row: FeatureRow /** Empty: normal. */; label: string }>;

export type RowFile = Readonly<{
  rows: readonly LabelledRow[];
  malformed: number;
  /** Reading ended with this error; what came before it is in the rows. */
  broken?: string;
}>;

/** All rows of a file; refused where it holds none. */
export async function readRowFile(path: string): Promise<Result<RowFile, 'INPUT_UNREADABLE'>> {
  const rows: LabelledRow[] = [];
  let malformed = 0;
  let broken: string | undefined;
  for await (const item of readRows(path)) {
    if (item.kind === 'row') rows.push(item);
    else if (item.kind === 'malformed') malformed++;
    else broken = item.message;
  }
  if (rows.length > 0) return ok({ rows, malformed, ...(broken !== undefined && { broken }) });
  const seen = malformed > 0 ? `${malformed} lines that are no rows of its header` : 'no row';
  return refuse('INPUT_UNREADABLE', broken ?? `${path}: ${seen}; is it a CSV file of features with a header?`);
}

/** What was read: "120 rows, 30 of them hostile". */
export function rowsText({ rows, malformed, broken }: RowFile): string {
  const hostile = rows.filter(({ label }) => label !== '').length;
  const parts = [`${rows.length} rows, ${hostile} of them hostile`];
  if (malformed > 0) parts.push(`${malformed} lines passed over`);
  if (broken !== undefined) parts.push(broken);
  return parts.join('; ');
}
