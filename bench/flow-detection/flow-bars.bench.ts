import { unwrap } from '../../base/fault.ts';
import { endKey } from '../../client/events/flow-record.ts';
import { trainLocally } from '../../client/learning/train-locally.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { defaultFlowDetector } from '../../client/tracks/flow/detector-names.ts';
import { flowDetectorStart } from '../../client/tracks/flow/detectors.ts';
import { keepEdges } from '../../client/tracks/flow/flow-example.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { edgeSurprisal } from '../../client/tracks/flow/local/edge-surprisal.ts';
import { serviceOf } from '../../client/tracks/flow/local/pair-memory.ts';
import { normalPart, readFlowWindows } from '../../client/tracks/flow/offline/flow-windows.ts';
import { trackKind } from '../../client/tracks/flow/track.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { auc } from '../detection/world.ts';
import type { Bench } from '../harness/bench.ts';
import { publicData } from '../harness/public-data.ts';
import type { Report } from '../harness/report.ts';
import { recordedWork } from './windows.ts';

/** Of the windows with normal edges, what is learnt. */
const learntShare = 0.6;
const steps = 60;
const sets = ['k8s_misuse', 'unsw_nb15_ip', 'otrf_lateral_movement'];

type Work = Readonly<{ learnt: readonly NamedSlice[]; judged: readonly NamedSlice[] }>;

export const bench: Bench = {
  name: 'flow-bars',
  summary:
    'What a cluster runs on flows beside each of its parts: a combination must not be worse than the best of them.',
  run: ({ small }, report) =>
    flowBars(small ? [] : sets, small ? { clusters: 2, steps: 2 } : { clusters: 11, steps }, report),
};

async function flowBars(
  wanted: readonly string[],
  { clusters, steps: stepsMax }: Readonly<{ clusters: number; steps: number }>,
  report: Report,
): Promise<void> {
  const rows: string[][] = [];
  for (const set of wanted) {
    const path = publicData('flows', `${set}.csv.gz`);
    if (path !== undefined) rows.push(...(await barsOf(set, [await workOf(path)], stepsMax, report)));
  }
  const recorded = recordedWork()
    .slice(0, clusters)
    .map(({ learnt, judged }) => ({ learnt, judged: judged.map(({ window }) => window) }));
  rows.push(...(await barsOf('recorded', recorded, stepsMax, report)));
  report.text(
    `## Flows

One cluster a set (${clusters} of the recorded one): normal edges of the first ${learntShare * 100} % of the windows in time are learnt, the rest and all hostile ones judge. The shared model has learnt the same windows, ${stepsMax} steps; every part judges the same edges.`,
  );
  report.table(
    [
      'set',
      'edges, hostile',
      'seen pair',
      'seen service',
      'memory alone',
      'model alone',
      'deployed',
      'less the best',
      'bar',
      '',
    ],
    rows,
  );
}

async function workOf(path: string): Promise<Work> {
  const { windows } = unwrap(await readFlowWindows(path, { windowMs: 60_000 }));
  const starts = windows
    .filter(({ names }) => names.edges.some(({ labels }) => labels.length === 0))
    .map(({ slice }) => slice.startMs)
    .sort((a, b) => a - b);
  const cut = starts[Math.floor(learntShare * starts.length)] ?? Number.POSITIVE_INFINITY;
  const hostile = (window: NamedSlice) =>
    keepEdges(window, (edge) => (window.names.edges[edge]?.labels ?? []).some((label) => label !== 'drift'));
  return {
    learnt: windows.filter(({ slice }) => slice.startMs < cut).flatMap((window) => normalPart(window) ?? []),
    judged: windows
      .map((window) => (window.slice.startMs < cut ? hostile(window) : window))
      .filter(({ slice }) => slice.edgeCount > 0),
  };
}

const parts = ['seen pair', 'seen service', 'memory alone', 'model alone', 'deployed'] as const;
type Judged = Readonly<{ hostile: boolean; scores: Readonly<Record<(typeof parts)[number], number>> }>;

async function barsOf(set: string, clusters: readonly Work[], stepsMax: number, report: Report): Promise<string[][]> {
  const start = flowDetectorStart(defaultFlowDetector);
  const weights = await trained(
    start,
    clusters.flatMap(({ learnt }) => learnt),
    stepsMax,
  );
  const judged = clusters.flatMap(({ learnt, judged: windows }): Judged[] => {
    const scorer = new FlowScorer(start.spec, weights, (reader) => learnFlowCluster(reader, learnt));
    const found = windows.flatMap((window) => judgedIn(scorer, window));
    scorer.close();
    return found;
  });
  const of = (part: (typeof parts)[number]) => {
    const [low, high] = [false, true].map((hostile) =>
      judged.filter((one) => one.hostile === hostile).map(({ scores }) => scores[part]),
    ) as [number[], number[]];
    return areaUnderRoc(low, high);
  };
  const areas = Object.fromEntries(parts.map((part) => [part, of(part)])) as Record<(typeof parts)[number], number>;
  const best = Math.max(...parts.slice(0, 4).map((part) => areas[part]));
  const less = areas.deployed - best;
  report.record({ case: `flows ${set}`, ...areas, lessBest: less });
  const hostile = judged.filter((one) => one.hostile).length;
  const sizes = `${judged.length - hostile}, ${hostile}`;
  const isMet = less >= 0 ? 'met' : '**missed**';
  return [[set, sizes, ...parts.map((part) => auc(areas[part])), less.toFixed(4), '0', isMet]];
}

function judgedIn(scorer: FlowScorer, window: NamedSlice): Judged[] {
  const { slice, names } = window;
  const edges = scorer.score(window);
  return edges.flatMap(({ logit, score }, edge): Judged[] => {
    const { protocol, port, labels } = names.edges[edge] as (typeof names.edges)[number];
    if (labels.length > 0 && labels.every((label) => label === 'drift')) return [];
    const [client, server] = [slice.clients[edge], slice.servers[edge]].map((row) =>
      endKey(names.nodes[row as number] as (typeof names.nodes)[number]),
    ) as [string, string];
    const evidence = scorer.state.memory.evidence(client, server, serviceOf(protocol, port));
    return [
      {
        hostile: labels.length > 0,
        scores: {
          'seen pair': evidence.pair > 0 ? 0 : 1,
          'seen service': evidence.service > 0 ? 0 : 1,
          'memory alone': edgeSurprisal(evidence, Number.NaN).total,
          'model alone': Number.isNaN(logit) ? 0 : -logit,
          deployed: score,
        },
      },
    ];
  });
}

async function trained(
  { spec, init }: ReturnType<typeof flowDetectorStart>,
  examples: readonly NamedSlice[],
  stepsMax: number,
) {
  const base = init(1);
  const { delta } = unwrap(
    await trainLocally({
      spec,
      base,
      examples,
      hard: [],
      hardRepeats: 0,
      gradientClipNorm: 1,
      plan: {
        seed: 1,
        epochs: 1_000,
        stepsMax,
        batchSize: 64,
        learningRate: 0.01,
        proximalMu: 0,
        clipNorm: 0,
        noiseMultiplier: 0,
      },
      kind: trackKind,
      unit: () => 0,
      mayGoOn: async () => true,
    }),
  );
  return base.map((value, at) => value + (delta[at] as number));
}
