import { table } from '../../../../base/text/table.ts';
import type { EdgeQuality, FlowEvaluation } from './flow-evaluation.ts';

/** An evaluation as tables for people, beside what a plain memory finds. */
export function evaluationText({
  overall,
  seenPair,
  seenService,
  byFamily,
  driftAlarms,
  drift,
}: FlowEvaluation): string {
  const rows = [
    { name: 'this model', ...overall },
    { name: 'never seen this pair', ...seenPair },
    { name: 'never seen this service', ...seenService },
  ];
  const families = Object.entries(byFamily).map(([name, quality]) => ({ name, ...quality }));
  return [
    qualityTable('edges by', rows),
    `edges that changed on purpose above the threshold of 5 %: ${percent(driftAlarms)} of ${drift}`,
    qualityTable('family', families),
  ].join('\n\n');
}

function qualityTable(title: string, rows: readonly Readonly<{ name: string } & EdgeQuality>[]): string {
  return table(rows, [
    { title: title.toUpperCase(), text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => (Number.isNaN(auc) ? '-' : auc.toFixed(4)), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percent(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percent(foundAt1), align: 'right' },
  ]);
}

function percent(part: number): string {
  return Number.isNaN(part) ? '-' : `${(part * 100).toFixed(1)} %`;
}
