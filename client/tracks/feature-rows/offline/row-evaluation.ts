import { namedRows, type Quality, qualityOf, qualityTable } from '../../quality.ts';

export type RowEvaluation = Readonly<{
  overall: Quality;
  /** Each content once. */
  distinct: Quality;
  byFamily: Readonly<Record<string, Quality>>;
}>;

/** label: empty for normal; content: the same for rows that say the same. */
export type JudgedRow = Readonly<{ label: string; content: string; score: number }>;

export function evaluateRows(judged: readonly JudgedRow[]): RowEvaluation {
  const seen = new Set<string>();
  const distinct = judged.filter(({ label, content }) => {
    const key = `${label === ''}\t${content}`;
    return !seen.has(key) && seen.add(key);
  });
  const families = [...new Set(judged.map(({ label }) => label))].filter((label) => label !== '').sort();
  return {
    overall: quality(judged),
    distinct: quality(distinct),
    byFamily: Object.fromEntries(
      families.map((family) => [family, quality(judged.filter(({ label }) => label === '' || label === family))]),
    ),
  };
}

function quality(judged: readonly JudgedRow[]): Quality {
  const scores = (isHostile: boolean) =>
    judged.filter(({ label }) => (label !== '') === isHostile).map(({ score }) => score);
  return qualityOf(scores(false), scores(true));
}

export function rowEvaluationText({ overall, distinct, byFamily }: RowEvaluation): string {
  return qualityTable('rows', [
    { name: 'all rows', ...overall },
    { name: 'distinct contents', ...distinct },
    ...namedRows(byFamily),
  ]);
}
