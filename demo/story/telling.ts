import { join } from 'node:path';
import { table } from '../../base/text/table.ts';
import { concludeFlow } from '../flow/story.ts';
import type { Prepared } from '../prepare.ts';
import { aucRows } from '../report/auc-rows.ts';
import type { DemoReport } from '../report/report.ts';
import type { Screen } from '../screen.ts';

/** Who learns from what, before the first process starts. */
export function introduce({ clusters, hostile, options, unseen, leftOut }: Prepared, screen: Screen): void {
  screen.line(`${clusters.size} clusters learn from ${options.data}; ${unseen.length} unseen traces judge them`);
  for (const [name, traces] of clusters) {
    const services = [...new Set(traces.map(({ service }) => service))].sort().join(', ');
    screen.line(`  ${name}  ${hostile.includes(name) ? 'HOSTILE' : '       '}  ${services} (${traces.length} traces)`);
  }
  if (leftOut.length > 0) screen.line(`left out: ${leftOut.join('; ')}`);
}

/** What came of it, and where it lies. */
export function conclude(report: DemoReport, out: string, screen: Screen): void {
  screen.line();
  screen.line(
    table(aucRows(report.auc), [
      { title: 'training', text: ({ name }) => name },
      { title: 'AUC on unseen traces', text: ({ auc }) => auc.toFixed(3), align: 'right' },
      { title: '', text: ({ note }) => note },
    ]),
  );
  const { detection, herdGain, seconds } = report;
  screen.line(
    `\nunder attack ${(100 * detection.at5).toFixed(1)} % of attack traces are found at 5 % false alarms; ` +
      `the herd adds ${herdGain.toFixed(3)} AUC on what a cluster never ran`,
  );
  if (report.flow !== undefined) concludeFlow(report.flow, screen);
  const models = [join(out, 'model'), ...(report.flow === undefined ? [] : [join(out, 'model-flow')])];
  screen.line(
    `\n${join(out, 'report.html')}, ${join(out, 'report.json')}, ${models.join(', ')}; ${seconds.toFixed(0)} s`,
  );
}
