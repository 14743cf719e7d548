import { table } from '../../../../base/text/table.ts';
import { areaUnderRoc, detectionRateAt } from '../../metrics.ts';

export type RowQuality = Readonly<{
  benign: number;
  hostile: number;
  auc: number;
  foundAt1: number;
  foundAt5: number;
}>;

export type RowEvaluation = Readonly<{
  overall: RowQuality;
  /** Each content once. */
  distinct: RowQuality;
  byFamily: Readonly<Record<string, RowQuality>>;
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

function quality(judged: readonly JudgedRow[]): RowQuality {
  const scores = (isHostile: boolean) =>
    judged.filter(({ label }) => (label !== '') === isHostile).map(({ score }) => score);
  const [benign, hostile] = [scores(false), scores(true)];
  return {
    benign: benign.length,
    hostile: hostile.length,
    auc: areaUnderRoc(benign, hostile),
    foundAt1: detectionRateAt(benign, hostile, 0.01),
    foundAt5: detectionRateAt(benign, hostile, 0.05),
  };
}

export function rowEvaluationText({ overall, distinct, byFamily }: RowEvaluation): string {
  const rows = [
    { name: 'all rows', ...overall },
    { name: 'distinct contents', ...distinct },
    ...Object.entries(byFamily).map(([name, one]) => ({ name, ...one })),
  ];
  const percent = (share: number) => (Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`);
  return table(rows, [
    { title: 'ROWS', text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => (Number.isNaN(auc) ? '-' : auc.toFixed(4)), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percent(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percent(foundAt1), align: 'right' },
  ]);
}
