import { namedRows, percentText, qualityTable } from '../../quality.ts';
import type { FlowEvaluation } from './flow-evaluation.ts';

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
  return [
    qualityTable('edges by', rows),
    `edges that changed on purpose above the threshold of 5 %: ${percentText(driftAlarms)} of ${drift}`,
    qualityTable('family', namedRows(byFamily)),
  ].join('\n\n');
}
