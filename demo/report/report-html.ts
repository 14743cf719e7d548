import type { TopLevelSpec } from 'vega-lite';
import { aucRows } from './auc-rows.ts';
import type { DemoRound } from './demo-round.ts';
import { flowSection } from './flow-html.ts';
import { escapeHtml, htmlTable } from './html.ts';
import type { DemoReport } from './report.ts';

type RenderSvg = (spec: TopLevelSpec) => Promise<string>;

/** One HTML page that needs nothing else: no script, no font, no image from anywhere. */
export async function renderReport(report: DemoReport, renderSvg: RenderSvg): Promise<string> {
  const [rounds, comparison, herd] = await Promise.all([
    renderSvg(roundPlot(report)),
    renderSvg(comparisonPlot(report)),
    renderSvg(herdPlot(report)),
  ]);
  const { settings } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Testudo: ${settings.clusters} clusters, ${report.hostile.length} hostile, ${report.rounds.length} rounds</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Herd immunity, even while some of the herd lie</h1>
<p>${settings.clusters} clusters learnt together what normal system calls look like in ${report.rounds.length} rounds.
${list(report.hostile)} ${report.hostile.length === 1 ? 'was' : 'were'} hostile. No system call left its cluster.
The whole run took ${report.seconds.toFixed(0)} s.</p>
<h2>What each way of training found on unseen traces</h2>
${htmlTable(
  ['training', 'AUC', ''],
  aucRows(report.auc).map(({ name, auc, note }) => [name, auc.toFixed(3), note]),
)}
<p>With the robust rule under attack, ${percent(report.detection.at5)} of attack traces were found at 5 % false alarms and
${percent(report.detection.at1)} at 1 %.</p>
<figure>${comparison}</figure>
<figure>${rounds}</figure>
<h2>Rounds</h2>
${htmlTable(['round', 'receipts', 'attacks', 'refused and excluded, and why', 'selected', 'AUC', 'seconds'], report.rounds.map(roundRow))}
${releases(report)}
${antibodies(report)}
${flowSection(report)}
<h2>What each cluster gained from the others</h2>
<p>AUC on attacks against services that the cluster never ran, alone and with the herd. Mean gain:
${signed(report.herdGain)}.</p>
${htmlTable(
  ['cluster', 'never seen, alone', 'never seen, together', 'own services, alone', 'own services, together'],
  report.herd.map(({ cluster, neverSeen, own }) => [
    cluster,
    auc(neverSeen.alone),
    auc(neverSeen.together),
    auc(own.alone),
    auc(own.together),
  ]),
)}
<figure>${herd}</figure>
${newcomers(report)}
<h2>Clusters</h2>
${htmlTable(
  ['cluster', 'services', 'training traces', 'side'],
  report.clusters.map(({ cluster, services, traces, hostile }) => [
    cluster,
    services.join(', '),
    String(traces),
    hostile ? 'hostile' : 'honest',
  ]),
)}
<h2>What was run</h2>
<p>The coordinator and one process per cluster on this machine, over mutual TLS; rounds, receipts, exclusions and models
are theirs. The four trainings it is compared with (each cluster alone, plain averaging under the same attacks, the same
rule without attacks, all data in one place) were computed in this run with the same training and aggregation code,
without the network between.</p>
${htmlTable(
  ['setting', 'value'],
  Object.entries(settings).map(([name, value]) => [name, String(value)]),
)}
${htmlTable(
  ['phase', 'seconds'],
  report.phases.map(({ phase, seconds }) => [phase, seconds.toFixed(1)]),
)}
</main>
</body>
</html>
`;
}

function roundRow(round: DemoRound): string[] {
  return [
    String(round.round),
    String(round.accepted),
    round.attacks.map(({ cluster, attack }) => `${cluster}: ${attack}`).join('; '),
    round.because.map(({ cluster, reason }) => `${cluster}: ${reason}`).join('; ') || 'none',
    round.selected.join(', '),
    auc(round.auc),
    round.seconds.toFixed(2),
  ];
}

function releases({ releases: steps }: DemoReport): string {
  if (steps.length === 0) return '';
  return `<h2>What became of the last model</h2>
<p>Every agent checks a version's signatures, digests and floors by itself, and says, signed, what it made of it.</p>
${htmlTable(
  ['step', 'what happened', 'what every cluster ran then', 'seconds'],
  steps.map(({ step, text, versions, seconds }) => [
    step,
    text,
    versions.map(({ cluster, version }) => `${cluster}: ${version}`).join(', '),
    seconds.toFixed(1),
  ]),
)}`;
}

function antibodies({ antibodies: tale }: DemoReport): string {
  if (tale === undefined) return '';
  const { family, maker, seen, confirmed, examples, finder, later, alarms, alike, byAntibodyAlone, remarks } = tale;
  return `<h2>What one cluster confirmed, and another found by it</h2>
<p>${escapeHtml(maker)} was attacked (${escapeHtml(family)}): ${confirmed} of ${seen} traces raised an alarm, its operator confirmed them and made an antibody of the incident's ${examples} different
traces. In ${escapeHtml(finder)} ${alarms} of ${later} other traces of the same attack raised an alarm, ${alike} of them as what ${escapeHtml(maker)} had confirmed; the model
alone would have said nothing of ${byAntibodyAlone} of these. What ${escapeHtml(finder)} made of each antibody:</p>
${htmlTable(
  ['its agent says'],
  remarks.map((remark) => [remark]),
)}`;
}

function newcomers({ newcomers: rows }: DemoReport): string {
  if (rows.length === 0) return '';
  return `<h2>Clusters that were not there</h2>
<p>AUC of the global model on clusters of the file that took no part, before any local training of theirs.</p>
${htmlTable(
  ['cluster', 'AUC'],
  rows.map(({ cluster, auc: value }) => [cluster, auc(value)]),
)}`;
}

const base = { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', background: 'white', width: 560 } as const;
const aucScale = { domain: [0.4, 1], clamp: true };

function roundPlot({ rounds }: DemoReport): TopLevelSpec {
  return {
    ...base,
    title: 'AUC of the global model after each round, under attack',
    height: 220,
    data: { values: rounds.map(({ round, auc: value }) => ({ round, auc: value })) },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'round', type: 'ordinal', title: 'round', axis: { labelAngle: 0 } },
      y: { field: 'auc', type: 'quantitative', title: 'AUC', scale: { zero: false } },
    },
  };
}

function comparisonPlot({ auc: values }: DemoReport): TopLevelSpec {
  return {
    ...base,
    title: 'The same detector, trained in five ways',
    height: { step: 26 },
    data: { values: aucRows(values).map(({ name, auc: value }) => ({ name, auc: value })) },
    encoding: {
      y: { field: 'name', type: 'nominal', title: null, sort: null, axis: { labelLimit: 220 } },
      x: { field: 'auc', type: 'quantitative', title: 'AUC on unseen traces', scale: aucScale },
    },
    layer: [
      { mark: 'bar' },
      {
        mark: { type: 'text', align: 'right', dx: -6, color: 'white' },
        encoding: { text: { field: 'auc', format: '.3f' } },
      },
    ],
  };
}

function herdPlot({ herd }: DemoReport): TopLevelSpec {
  const values = herd.flatMap(({ cluster, neverSeen }) => [
    { cluster, auc: neverSeen.alone, training: 'alone' },
    { cluster, auc: neverSeen.together, training: 'together' },
  ]);
  return {
    ...base,
    title: 'Attacks on services that a cluster never ran',
    height: 220,
    data: { values },
    mark: 'bar',
    encoding: {
      x: { field: 'cluster', type: 'nominal', title: null, axis: { labelAngle: 0 } },
      xOffset: { field: 'training' },
      y: { field: 'auc', type: 'quantitative', title: 'AUC', scale: aucScale },
      color: { field: 'training', type: 'nominal', title: null },
    },
  };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'None' : escapeHtml(names.join(' and '));
}

function auc(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : 'no attack to find';
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(3)}`;
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { line-height: 1.2; }
h2 { margin-top: 2.5rem; }
figure { margin: 1.5rem 0; overflow-x: auto; }
pre { overflow-x: auto; background: #f6f8fa; padding: 0.75rem; font-size: 0.85rem; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-bottom: 1px solid #d8dee4; }
th { background: #f6f8fa; }
`;
