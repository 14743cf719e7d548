import { join } from 'node:path';
import { table } from '../../base/text/table.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import type { Federation } from '../../lab/rig/federation.ts';
import { RoundPhase } from '../../proto/generated/testudo/v1/operator.ts';
import type { Prepared } from '../prepare.ts';
import type { DemoRound } from '../report/demo-round.ts';
import { type FlowReport, movementRows } from '../report/flow-report.ts';
import { progressText, roundOf, tellRound } from '../report/round-lines.ts';
import type { Screen } from '../screen.ts';
import { leftOutAuc } from './judging.ts';
import type { PreparedFlow } from './prepare.ts';

/** The flow track's rounds: the same coordinator, clusters and liars. Returns the last model that came out. */
export async function runFlowRounds(
  prepared: Prepared,
  flow: PreparedFlow,
  federation: Federation,
  screen: Screen,
): Promise<Readonly<{ rounds: readonly DemoRound[]; model: Float32Array }>> {
  introduce(flow, screen);
  const rounds: DemoRound[] = [];
  let model: Float32Array = flow.start.init(prepared.options.seed);
  for (let number = 1; number <= flow.rounds; number++) {
    const startedAt = performance.now();
    const ended = await federation.round(
      (progress) => screen.status(`flow ${progressText(number, prepared, progress)}`),
      'flow',
    );
    const seconds = (performance.now() - startedAt) / 1e3;
    const { summary } = ended;
    if (summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE && summary.candidate !== undefined) {
      model = await federation.model(summary.candidate.digest, 'flow');
    }
    const round = roundOf(number, prepared, ended, seconds, leftOutAuc(flow, model));
    rounds.push(round);
    tellRound(round, summary?.abandonedBecause ?? '', screen);
  }
  return { rounds, model };
}

function introduce({ mapping, clusters, leftOut }: PreparedFlow, screen: Screen): void {
  const unseen = `the topologies of ${[...leftOut.keys()].join(', ')} are left out and judge it`;
  screen.line(`\nflow: the same clusters learn who talks to whom from the recorded flows; ${unseen}`);
  if (mapping.isNative) return;
  const pairs = [...clusters].map(([name, { recorded }]) => `${name}: ${recorded}`).join(', ');
  screen.line(`  the system calls are of other clusters than the recorded flows, which are dealt out: ${pairs}`);
}

/** What `testudo score --track flow --model OUT/model-flow --cluster NAME` needs: the weights, and each cluster's memory. */
export async function saveFlowFolder(
  out: string,
  { start, clusters }: PreparedFlow,
  weights: Float32Array,
): Promise<void> {
  const states = new Map(
    [...clusters].map(([name, { learnt }]) => {
      const scorer = new FlowScorer(start.spec, weights, (reader) => learnFlowCluster(reader, learnt));
      scorer.close();
      return [name, scorer.state] as const;
    }),
  );
  await saveFlowModel(join(out, 'model-flow'), { spec: start.spec, weights, clusters: states });
}

/** The closing table, and the alert that is explained. */
export function concludeFlow({ auc, linkPrediction, lateralMovement, explanation }: FlowReport, screen: Screen): void {
  const text = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(3));
  const { edges, nonEdges, baseline } = linkPrediction;
  const movements = (['recorded', 'injected'] as const).flatMap((kind) => movementRows(kind, lateralMovement[kind]));
  const rows = [
    {
      name: `hidden edges of unseen topologies (${edges} against ${nonEdges})`,
      values: [auc.robustUnderAttack, auc.fedAvgUnderAttack, auc.localOnly, baseline.seenPair],
    },
    ...movements,
  ];
  const columns = ['robust rule', 'plain averaging', 'alone', 'seen pair'];
  screen.line('\nAUC of the flow track on unseen windows, under attack');
  screen.line(
    table(rows, [
      { title: 'who talks to whom', text: ({ name }) => name },
      ...columns.map((title, at) => ({
        title,
        text: ({ values }: (typeof rows)[number]) => text(values[at] ?? Number.NaN),
        align: 'right' as const,
      })),
    ]),
  );
  if (explanation === undefined) return;
  screen.line(`\nan alert in ${explanation.cluster} on a movement that was injected:`);
  for (const line of explanation.text.split('\n')) screen.line(`  ${line}`);
}
