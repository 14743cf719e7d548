/**
 * The main job on recorded flows: who talks to whom. A federation in this process; each cluster sees what its own share of
 * the clients opened. Windows of the first part in time are learnt where they are normal; the rest judges.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/atomic-file.ts';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { seededRandom, shuffled } from '../../base/random.ts';
import { endKey } from '../../client/events/flow-record.ts';
import { trainLocally } from '../../client/learning/train-locally.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { defaultFlowDetector } from '../../client/tracks/flow/detector-names.ts';
import { flowDetectorStart } from '../../client/tracks/flow/detectors.ts';
import { keepEdges } from '../../client/tracks/flow/flow-example.ts';
import { saveFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { evaluateEdges, type JudgedEdge, judgeEdges } from '../../client/tracks/flow/offline/flow-evaluation.ts';
import { normalPart, readFlowWindows } from '../../client/tracks/flow/offline/flow-windows.ts';
import { trackKind } from '../../client/tracks/flow/track.ts';
import { remembering } from '../../lab/federation/sending.ts';
import { plainAveraging, simulateRounds } from '../comparison/simulation.ts';
import type { DemoOptions } from '../options.ts';
import { policyOf } from '../rule.ts';
import type { Screen } from '../screen.ts';
import { type OtherReport, tellOther } from './other-report.ts';

const windowMs = 60_000;
const learntShare = 0.6;
const stepsEach = 20;

export async function flowsJob(options: DemoOptions, screen: Screen): Promise<Result<OtherReport>> {
  const startedAt = performance.now();
  const file = await readFlowWindows(options.data, { windowMs });
  if (!file.ok) return file;
  const { windows, flows } = file.value;
  const random = seededRandom(options.seed);
  const { shares, ownerOf } = dealt(windows, options.clusters, random);
  const cut = learntUntil(windows);
  const clusters = new Map(
    [...shares].map(([name, members]) => {
      const own = windows.map((window) => keepEdges(window, (edge) => members.has(ownerOf(window, edge))));
      const used = own.filter(({ names }) => names.edges.length > 0);
      return [
        name,
        {
          learnt: used.filter(({ slice }) => slice.startMs < cut).flatMap((window) => normalPart(window) ?? []),
          later: used.flatMap((window) => (window.slice.startMs >= cut ? [window] : hostilePart(window))),
        },
      ] as const;
    }),
  );
  const edges = [...clusters.values()].flatMap(({ later }) => later.flatMap(({ names }) => names.edges));
  const hostileEdges = edges.filter(({ labels }) => labels.some((label) => label !== 'drift')).length;
  const idle = [...clusters].filter(([, { learnt }]) => learnt.length === 0).map(([name]) => name);
  for (const name of idle) clusters.delete(name);
  if (clusters.size === 0 || hostileEdges === 0 || hostileEdges === edges.length) {
    const seen = `${edges.length - hostileEdges} unseen normal and ${hostileEdges} hostile edges, ${clusters.size} clusters with normal ones to learn`;
    return refuse(
      'DATA_TOO_SMALL',
      `${options.data}: ${flows} flows in ${windows.length} windows: ${seen}; at least one of each is needed`,
    );
  }
  if (idle.length > 0)
    screen.line(`${idle.length} of ${options.clusters} clusters have no client with normal flows, and take no part`);
  // Fewer clusters than were asked for bear fewer liars.
  let policy = policyOf(options.rule, clusters.size, options.hostile);
  let liars = options.hostile;
  while (!policy.ok && liars > 0 && idle.length > 0) policy = policyOf(options.rule, clusters.size, --liars);
  if (!policy.ok) return policy;
  if (liars < options.hostile)
    screen.line(`${liars} of them lie instead of ${options.hostile}: the rule bears no more among ${clusters.size}`);
  const rule = policy.value;
  const hostile = shuffled([...clusters.keys()], random).slice(0, liars);
  const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
  screen.line(
    `${options.data} holds ${flows} flows in ${windows.length} windows: ${clusters.size} clusters in this process, each with a share of the clients, learn who talks to whom`,
  );

  const start = flowDetectorStart(defaultFlowDetector);
  const train = async (base: Float32Array, examples: readonly NamedSlice[], steps: number, seed: number) =>
    unwrap(
      await trainLocally({
        spec: start.spec,
        base,
        examples,
        hard: [],
        hardRepeats: 0,
        gradientClipNorm: 1,
        plan: {
          seed,
          epochs: 1_000,
          stepsMax: steps,
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
    ).delta;
  const workers = new Map(
    [...clusters].map(([name, { learnt }]) => [
      name,
      remembering((base, round) => train(base, learnt, stepsEach, options.seed + round)),
    ]),
  );
  const initial = start.init(options.seed);
  const simulation = { initial, workers, rounds: options.rounds, seed: options.seed };
  const applied = (delta: Float32Array) => initial.map((value, at) => value + (delta[at] as number));
  screen.status('rounds under attack, by the robust rule and by plain averaging');
  const robust = await simulateRounds({ ...simulation, policy: rule, hostile });
  const plain = await simulateRounds({ ...simulation, policy: plainAveraging, hostile });
  const peace = await simulateRounds({ ...simulation, policy: rule, hostile: [] });
  screen.status('what each cluster learns alone, and all of them in one place');
  const steps = stepsEach * options.rounds;
  const alone = new Map<string, Float32Array>();
  for (const name of honest)
    alone.set(name, applied(await train(initial, clusters.get(name)?.learnt ?? [], steps, options.seed)));
  const pooled = applied(
    await train(
      initial,
      [...clusters.values()].flatMap(({ learnt }) => learnt),
      steps,
      options.seed,
    ),
  );

  /** Every honest cluster judges its own clients' edges: together they are all edges of honest clusters. */
  const judged = (weightsOf: (name: string) => Float32Array): JudgedEdge[] =>
    honest.flatMap((name) => {
      const { learnt, later } = clusters.get(name) as { learnt: NamedSlice[]; later: NamedSlice[] };
      const scorer = new FlowScorer(start.spec, weightsOf(name), (reader) => learnFlowCluster(reader, learnt));
      const found = judgeEdges(scorer, later);
      scorer.close();
      return found;
    });
  const aucOf = (weightsOf: (name: string) => Float32Array) => evaluateEdges(judged(weightsOf)).overall.auc;
  const under = evaluateEdges(judged(() => robust));
  const report: OtherReport = {
    kind: 'flows',
    data: options.data,
    clusters: [...clusters].map(([cluster, { learnt }]) => ({
      cluster,
      learnt: learnt.length,
      hostile: hostile.includes(cluster),
    })),
    unseen: { normal: under.overall.benign, hostile: under.overall.hostile },
    auc: {
      localOnly: aucOf((name) => alone.get(name) as Float32Array),
      fedAvgUnderAttack: aucOf(() => plain),
      robustUnderAttack: under.overall.auc,
      robustNoAttack: aucOf(() => peace),
      pooled: aucOf(() => pooled),
    },
    baselines: { 'never seen this pair': under.seenPair.auc, 'never seen this service': under.seenService.auc },
    seconds: (performance.now() - startedAt) / 1e3,
  };
  const folder = join(options.out, 'model-flow');
  makeFolder(options.out);
  const states = new Map(
    [...clusters].map(([name, { learnt }]) => {
      const scorer = new FlowScorer(start.spec, robust, (reader) => learnFlowCluster(reader, learnt));
      scorer.close();
      return [name, scorer.state] as const;
    }),
  );
  await saveFlowModel(folder, { spec: start.spec, weights: robust, clusters: states });
  await writeFile(join(options.out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  tellOther(report, folder, screen);
  return ok(report);
}

function endsOf({ slice, names }: NamedSlice, edge: number): readonly [client: string, server: string] {
  const key = (row: number | undefined) => endKey(names.nodes[row as number] as NamedSlice['names']['nodes'][number]);
  return [key(slice.clients[edge]), key(slice.servers[edge])];
}

type Dealt = Readonly<{
  shares: ReadonlyMap<string, ReadonlySet<string>>;
  /** Whose share an edge is: its client's, or its server's where the client opens nothing normal: an attacker has no cluster. */
  ownerOf(window: NamedSlice, edge: number): string;
}>;

/** Workloads with the most normal edges first, each to the cluster that has least. */
function dealt(windows: readonly NamedSlice[], count: number, random: () => number): Dealt {
  const edges = new Map<string, number>();
  for (const window of windows) {
    for (const [edge, { labels }] of window.names.edges.entries()) {
      const [client, server] = endsOf(window, edge);
      edges.set(client, (edges.get(client) ?? 0) + (labels.length === 0 ? 1 : 0));
      edges.set(server, edges.get(server) ?? 0);
    }
  }
  const order = shuffled([...edges], random).sort((a, b) => b[1] - a[1]);
  const shares = Array.from({ length: count }, () => ({ members: new Set<string>(), edges: 0 }));
  for (const [member, own] of order) {
    const least = shares.reduce((some, share) => (share.edges < some.edges ? share : some));
    least.members.add(member);
    least.edges += own;
  }
  return {
    shares: new Map(shares.map(({ members }, at) => [`c${String(at + 1).padStart(2, '0')}`, members])),
    ownerOf(window, edge) {
      const [client, server] = endsOf(window, edge);
      return (edges.get(client) ?? 0) > 0 ? client : server;
    },
  };
}

/** The time until which so many of the windows with normal edges have begun. */
function learntUntil(windows: readonly NamedSlice[]): number {
  const starts = windows
    .filter(({ names }) => names.edges.some(({ labels }) => labels.length === 0))
    .map(({ slice }) => slice.startMs)
    .sort((a, b) => a - b);
  return starts[Math.floor(learntShare * starts.length)] ?? Number.POSITIVE_INFINITY;
}

/** Attacks of the time that is learnt judge as well; they are not learnt. */
function hostilePart(window: NamedSlice): NamedSlice[] {
  const part = keepEdges(window, (edge) => (window.names.edges[edge]?.labels ?? []).some((label) => label !== 'drift'));
  return part.names.edges.length === 0 ? [] : [part];
}
