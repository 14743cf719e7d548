/** What `testudo score` and `testudo evaluate` do with `--track flow`. TensorFlow is loaded when they run. */

import { Option } from '@commander-js/extra-typings';
import { jsonLine, table } from '../../base/text/table.ts';
import type { EdgeQuality, FlowEvaluation } from '../../client/tracks/flow/offline/flow-evaluation.ts';
import type { FlowScoreUnit } from '../../client/tracks/flow/offline/flow-scores.ts';
import { orExit, usage } from '../exit.ts';
import { complain, print } from '../print.ts';

export type FlowVerbOptions = Readonly<{
  model: string;
  cluster?: string | undefined;
  normal?: string | undefined;
  window: string;
}>;

/** Options that both verbs have for this track. */
export const flowOptions = {
  cluster: () =>
    new Option(
      '--cluster <name>',
      'flow: whose local memory in the model folder, and whose rows where a file holds several',
    ),
  normal: () =>
    new Option(
      '--normal <file>',
      'flow: normal flows of the same cluster that its local memory learns first; syscall: traces whose split "train" it learns anew',
    ),
  window: () => new Option('--window <seconds>', 'flow: length of a window of the service graph').default('60'),
};

export async function scoreFlows(
  options: FlowVerbOptions & Readonly<{ input: string; output: string; by: FlowScoreUnit }>,
): Promise<void> {
  const { flowScoreLines, writeLines } = await import('../../client/tracks/flow/offline/flow-scores.ts');
  const { scorer, read } = await opened(options);
  const file = await read(options.input);
  orExit(await writeLines(flowScoreLines(scorer, file.windows, options.by), options.output));
  scorer.close();
  complain(`${file.flows} flows in ${file.windows.length} windows scored${notes(file)}`);
}

export async function evaluateFlows(
  options: FlowVerbOptions & Readonly<{ input: readonly string[]; json?: true | undefined }>,
): Promise<void> {
  const { evaluateEdges, judgeEdges } = await import('../../client/tracks/flow/offline/flow-evaluation.ts');
  const { scorer, read } = await opened(options);
  const judged = [];
  for (const path of options.input) {
    const file = await read(path);
    judged.push(...judgeEdges(scorer, file.windows));
    complain(`${path}: ${file.flows} flows in ${file.windows.length} windows${notes(file)}`);
  }
  scorer.close();
  const evaluation = evaluateEdges(judged);
  print(options.json ? jsonLine(evaluation) : tables(evaluation));
}

async function opened({ model: path, cluster, normal, window }: FlowVerbOptions) {
  const windowMs = Number(window) * 1_000;
  if (!(windowMs >= 1)) usage(`--window: expected seconds above 0, got ${window}`);
  const { loadFlowModel } = await import('../../client/tracks/flow/flow-model-folder.ts');
  const { openFlowModel } = await import('../../client/tracks/flow/offline/flow-scores.ts');
  const { readFlowWindows } = await import('../../client/tracks/flow/offline/flow-windows.ts');
  const model = orExit(await loadFlowModel(path));
  if (cluster !== undefined && model.clusters.size > 0 && !model.clusters.has(cluster)) {
    usage(`--cluster: the folder knows ${[...model.clusters.keys()].join(', ')}, not ${cluster}`);
  }
  const read = async (file: string) => orExit(await readFlowWindows(file, { windowMs, part: cluster }));
  const windows = normal === undefined ? [] : (await read(normal)).windows.filter(isUnlabelled);
  return { scorer: openFlowModel(model, cluster, windows), read };
}

/** A file of normal flows may carry labels all the same: what is hostile is not learnt. */
function isUnlabelled({
  names,
}: Readonly<{ names: Readonly<{ edges: readonly Readonly<{ labels: readonly string[] }>[] }> }>) {
  return names.edges.every(({ labels }) => labels.every((label) => label === 'drift'));
}

function notes({
  skipped,
  scans,
  broken,
}: Readonly<{ skipped: Readonly<Record<string, number>>; scans: number; broken?: string }>) {
  const parts = Object.entries(skipped).map(([reason, count]) => `${count} passed over (${reason})`);
  if (scans > 0) parts.push(`${scans} pairs used too many ports to tell apart`);
  if (broken !== undefined) parts.push(broken);
  return parts.map((part) => `; ${part}`).join('');
}

function tables({ overall, seenPair, seenService, byFamily, driftAlarms, drift }: FlowEvaluation): string {
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
