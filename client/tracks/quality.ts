/** How well scores tell hostile from benign: the figures that `testudo evaluate` gives of every kind, and their table. */
import { type Column, table } from '../../base/text/table.ts';
import { areaUnderRoc, detectionRateAt } from './metrics.ts';

/** Rates and areas are NaN where one side is empty. */
export type Quality = Readonly<{
  benign: number;
  hostile: number;
  auc: number;
  /** Share of the hostile found when 1 % and 5 % of the benign alarm. */
  foundAt1: number;
  foundAt5: number;
}>;

export function qualityOf(benign: readonly number[], hostile: readonly number[]): Quality {
  return {
    benign: benign.length,
    hostile: hostile.length,
    auc: areaUnderRoc(benign, hostile),
    foundAt1: detectionRateAt(benign, hostile, 0.01),
    foundAt5: detectionRateAt(benign, hostile, 0.05),
  };
}

type NamedQuality = Readonly<{ name: string }> & Quality;

/** For people: a line for each, `more` columns after those of every kind. */
export function qualityTable<Row extends NamedQuality>(
  title: string,
  rows: readonly Row[],
  more: readonly Column<Row>[] = [],
): string {
  return table(rows, [
    { title: title.toUpperCase(), text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => areaText(auc), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percentText(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percentText(foundAt1), align: 'right' },
    ...more,
  ]);
}

/** Each group with its name as a row. */
export function namedRows<Own extends Quality>(groups: Readonly<Record<string, Own>>): (Own & { name: string })[] {
  return Object.entries(groups).map(([name, own]) => ({ name, ...own }));
}

export function areaText(auc: number): string {
  return Number.isNaN(auc) ? '-' : auc.toFixed(4);
}

export function percentText(share: number): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`;
}
