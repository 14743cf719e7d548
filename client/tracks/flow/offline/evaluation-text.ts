import { ratedText } from '../../minutes.ts';
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
  rates,
}: FlowEvaluation): string {
  const rows = [
    { name: 'this model', ...overall },
    ...(rates === undefined ? [] : [{ name: 'this model, with rates', ...rates.overall }]),
    { name: 'never seen this pair', ...seenPair },
    { name: 'never seen this service', ...seenService },
  ];
  return [
    qualityTable('edges by', rows),
    `edges that changed on purpose above the threshold of 5 %: ${percentText(driftAlarms)} of ${drift}`,
    qualityTable('family', namedRows(byFamily)),
    ...(rates === undefined ? [] : [qualityTable('family, with rates', namedRows(rates.byFamily)), ratedText(rates)]),
  ].join('\n\n');
}
