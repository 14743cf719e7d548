import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bringPages } from '../../tools/setup/dashboard.mjs';
import type { Bench } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { foundHerd, trackNames } from '../operator/herd.ts';
import { measurePages, type PagesCost } from './pages.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));
const bars = { dashboardMiB: 30, restingCores: 0.05, drawnSeconds: 1 };

/** What the dashboard costs a coordinator, and how long who opens it waits. */
export const bench: Bench = {
  name: 'dashboard',
  summary:
    'The dashboard of 500 clusters on three tracks: what it costs the coordinator, and how long its overview takes.',
  async run({ small, repeat }, report) {
    const clusters = small ? 12 : 500;
    const pages = small ? 4 : 100;
    const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-dashboard-'));
    try {
      await bringPages();
      const herd = await foundHerd(testudo, folder, clusters);
      const others = startOthersMeter();
      const [restSeconds, settleMs] = small ? [0.5, 100] : [30, 3_000];
      const logFile = path.join(folder, 'log');
      const cost = await measurePages({ testudo, herd, logFile, clusters, pages, restSeconds, settleMs, repeat });
      const busyCores = others();
      report.record({ case: 'all processes but the bench meanwhile', busyCores });
      reportPages(report, cost, pages, `${clusters} clusters x ${trackNames.length} tracks`, busyCores);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** What the dashboard costs, beside its bars. */
function reportPages(
  report: Report,
  cost: PagesCost,
  pages: number,
  shape: string,
  busyCores: number | undefined,
): void {
  const { bytes, restingCores, drawnSeconds, firstPaintSeconds, framesPerSecond, longTasks } = cost;
  const { bareFramesPerSecond, bareLongTasks } = cost;
  const addedBytes = bytes.open - bytes.without;
  report.record({ case: `dashboard, ${pages} pages open, ${shape}`, addedBytes, restingCores });
  report.record({ case: `dashboard, overview drawn, ${shape}`, seconds: drawnSeconds, firstPaintSeconds });
  report.record({ case: `dashboard, overview scrolled, ${shape}`, framesPerSecond, longTasks });
  report.record({
    case: `bare table, scrolled, ${shape}`,
    framesPerSecond: bareFramesPerSecond,
    longTasks: bareLongTasks,
  });
  const mib = (count: number) => `${figure(count / 2 ** 20)} MiB`;
  report.text(
    `The dashboard: a coordinator's resident memory after one look, without it and with it, then with ${pages} pages open, each ` +
      `a live stream at rest; processor of all its threads meanwhile. The overview in Chromium, headless and without a GPU on the ` +
      `same machine: from the navigation to the last of its rows, and scrolled from end to end; beside that a bare table of the same ` +
      `texts in an empty page, which is what this machine allows. ${busyCores ?? 'Some'} cores were busy meanwhile, with others too.`,
  );
  report.table(
    ['what', 'measured', 'bar'],
    [
      ['memory without the dashboard', mib(bytes.without), ''],
      ['more with it, no page open', mib(bytes.closed - bytes.without), ''],
      [`more with ${pages} pages open`, mib(addedBytes), `${bars.dashboardMiB} MiB`],
      [`processor with ${pages} pages at rest`, `${figure(restingCores)} cores`, `${bars.restingCores} cores`],
      [`overview drawn (${shape})`, `${figure(drawnSeconds)} s`, `${bars.drawnSeconds} s`],
      ['its first paint', `${figure(firstPaintSeconds)} s`, ''],
      [
        'scrolled',
        `${figure(framesPerSecond)} frames a second, ${longTasks} tasks of 50 ms or more`,
        '60, or as the next line',
      ],
      [
        'a bare table of the same texts, scrolled',
        `${figure(bareFramesPerSecond)} frames a second, ${bareLongTasks} tasks of 50 ms or more`,
        '',
      ],
    ],
  );
}
