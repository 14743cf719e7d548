import { type FlowReport, movementRows } from './flow-report.ts';
import { escapeHtml, htmlTable } from './html.ts';
import type { DemoReport } from './report.ts';

/** The flow track's section of the report; nothing where it was left out. */
export function flowSection({ flow }: DemoReport): string {
  if (flow === undefined) return '';
  const { linkPrediction, lateralMovement } = flow;
  const { edges, nonEdges } = linkPrediction;
  return `<h2>Who talks to whom: the flow track</h2>
<p>The same clusters, the same liars. Each learnt its own service graph; no name and no flow left it. ${origin(flow)}
Link prediction is judged on the topologies of ${list(flow.leftOut)}, which nobody learnt from: each of their ${edges} edges,
hidden, should score above ${nonEdges} pairs that are none. These are small graphs: read the first digit.</p>
${htmlTable(['round', 'receipts', 'refused and excluded, and why', 'selected', 'AUC', 'seconds'], flow.rounds.map(roundRow))}
${htmlTable(
  ['link prediction on unseen topologies', 'AUC'],
  [
    ['robust rule, under attack', flow.auc.robustUnderAttack],
    ['robust rule, no attack', flow.auc.robustNoAttack],
    ['plain averaging, under attack', flow.auc.fedAvgUnderAttack],
    ['each cluster alone (mean)', flow.auc.localOnly],
    ['all graphs in one place', flow.auc.pooled],
    ['baseline: common neighbours', linkPrediction.baseline.commonNeighbours],
    ['baseline: seen pair', linkPrediction.baseline.seenPair],
  ].map(([name, value]) => [String(name), text(Number(value))]),
)}
<h3>Lateral movement</h3>
<p><strong>Recorded</strong>: intrusions that were simulated in the recorded clusters. <strong>Injected</strong>: random walks that
the main job wrote into the unseen flows, from one workload taken to be compromised to workloads that it never calls; they
never happened. In these clusters normal work never changes its pairs, so a list of seen pairs finds every new one: what the
shared model adds shows on the first day, before there is a list. Windows of five seconds.</p>
${htmlTable(
  ['movement (its edges among normal ones)', 'robust rule', 'plain averaging', 'each alone', 'seen pair'],
  (['recorded', 'injected'] as const)
    .flatMap((kind) => movementRows(kind, lateralMovement[kind]))
    .map(({ name, values }) => [name, ...values.map(text)]),
)}
<p>Found at 1 % false alarms in own clusters: ${percent(lateralMovement.recorded.ownClusters.foundAt1)} of recorded and
${percent(lateralMovement.injected.ownClusters.foundAt1)} of injected movement.</p>
${explained(flow)}`;
}

function explained({ explanation }: FlowReport): string {
  if (explanation === undefined) return '';
  return `<h3>An alert, explained</h3>
<p>In ${escapeHtml(explanation.cluster)}, on a movement that was injected. In red the path in the order of time, in grey who
usually talks to whom.</p>
<figure>${explanation.svg}</figure>
<pre>${escapeHtml(explanation.text)}</pre>`;
}

function origin({ sameClusters, flowsOf }: FlowReport): string {
  if (sameClusters) return 'Flows and system calls were recorded in the same clusters.';
  const pairs = Object.entries(flowsOf).map(([cluster, recorded]) => `${cluster} has ${recorded}'s`);
  return `The system calls are of other clusters than the recorded flows, which were dealt out: ${escapeHtml(pairs.join(', '))}.`;
}

function roundRow(round: FlowReport['rounds'][number]): string[] {
  return [
    String(round.round),
    String(round.accepted),
    round.because
      .map(({ cluster, reason }) => {
        const attack = round.attacks.find((one) => one.cluster === cluster)?.attack;
        return `${cluster}${attack === undefined ? '' : ` (${attack})`}: ${reason}`;
      })
      .join('; ') || 'none',
    round.selected.join(', '),
    text(round.auc),
    round.seconds.toFixed(2),
  ];
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : escapeHtml(names.join(', '));
}

function text(value: number): string {
  return Number.isNaN(value) ? 'none to judge' : value.toFixed(3);
}

function percent(share: number): string {
  return Number.isNaN(share) ? 'none' : `${(100 * share).toFixed(0)} %`;
}
