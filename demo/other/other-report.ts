import { table } from '../../base/text/table.ts';
import { type AucByTraining, aucRows } from '../report/auc-rows.ts';
import type { Screen } from '../screen.ts';

/** What the main job found on data that are no system calls; written to out/report.json as it is. */
export type OtherReport = Readonly<{
  kind: 'rows' | 'flows';
  data: string;
  clusters: readonly Readonly<{ cluster: string; learnt: number; hostile: boolean }>[];
  /** What judges: contents, or edges in windows, that nobody learnt. */
  unseen: Readonly<{ normal: number; hostile: number }>;
  auc: AucByTraining;
  /** What needs no model, on the same: name to AUC. */
  baselines: Readonly<Record<string, number>>;
  seconds: number;
}>;

export function tellOther(report: OtherReport, model: string, screen: Screen): void {
  for (const { cluster, learnt, hostile } of report.clusters) {
    screen.line(`  ${cluster}  ${hostile ? 'HOSTILE' : '       '}  ${learnt} learnt`);
  }
  const baselines = Object.entries(report.baselines).map(([name, auc]) => ({ name, auc, note: 'no model' }));
  screen.line();
  screen.line(
    table(
      [...aucRows(report.auc), ...baselines],
      [
        { title: 'training', text: ({ name }) => name },
        {
          title: `AUC on ${report.unseen.normal} unseen normal and ${report.unseen.hostile} hostile`,
          text: ({ auc }) => (Number.isNaN(auc) ? '-' : auc.toFixed(3)),
          align: 'right',
        },
        { title: '', text: ({ note }) => note },
      ],
    ),
  );
  screen.line(`\n${model} holds the model; ${report.seconds.toFixed(0)} s`);
}
