import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { updatesMin } from '../aggregation/policy.ts';
import { ok, type Result, unwrap } from '../base/fault.ts';
import { renderSvg } from '../cli/offline/plot.ts';
import { table } from '../cli/table.ts';
import { saveModelFolder } from '../client/tracks/syscall/offline/model-folder.ts';
import { RoundPhase } from '../proto/generated/testudo/v1/operator.ts';
import { layoutOf, valuesOfBytes } from '../proto/layout.ts';
import type { ModelSpec } from '../proto/model-spec.ts';
import { aucRows } from './auc-rows.ts';
import { baselineFile, doneFile } from './baseline-files.ts';
import { type Federation, startFederation } from './federation.ts';
import { assessFlow } from './flow/judging.ts';
import { type PreparedFlow, prepareFlow } from './flow/prepare.ts';
import type { FlowReport } from './flow/report.ts';
import { concludeFlow, runFlowRounds, saveFlowFolder } from './flow/story.ts';
import { aucOf, foundAt, herdRow, type Judgement, Judges, judgeAsNewcomer, mean } from './judging.ts';
import type { DemoOptions } from './options.ts';
import { type Prepared, prepare } from './prepare.ts';
import { lastLines, type Member, startMember } from './processes.ts';
import { castReleases } from './release-cast.ts';
import { ReleaseStory } from './release-story.ts';
import type { DemoReport, DemoRound } from './report.ts';
import { renderReport } from './report-html.ts';
import { progressText, roundOf, tellRound } from './round-lines.ts';
import type { Screen } from './screen.ts';
import type { Training } from './simulation.ts';

/** The main job, from data to report. Everything that it starts has ended when it resolves or throws. */
export async function runDemo(options: DemoOptions, screen: Screen): Promise<Result<DemoReport>> {
  const clock = startClock();
  screen.status(`reading ${options.data}`);
  const prepared = await prepare(options);
  if (!prepared.ok) return prepared;
  const folder = await mkdtemp(join(tmpdir(), 'testudo-demo-'));
  introduce(prepared.value, screen);
  const baselines = await startBaselines(options, folder);
  try {
    const report = await federate(prepared.value, folder, baselines, screen, clock);
    await rm(folder, { recursive: true, force: true });
    return ok(report);
  } catch (error) {
    screen.line(`the logs of every process are in ${folder}`);
    throw error;
  } finally {
    await baselines.stop();
  }
}

async function federate(
  prepared: Prepared,
  folder: string,
  baselines: Member,
  screen: Screen,
  clock: Clock,
): Promise<DemoReport> {
  const { options, clusters, detector, hostile, unseen } = prepared;
  const cast = options.rounds < 2 ? undefined : castReleases(clusters, hostile, unseen, prepared.policy.f);
  const policy = trackPolicy(prepared, prepared.training);
  const flow = options.tracks.includes('flow') ? await prepareFlow(prepared, join(folder, 'flows')) : undefined;
  screen.status('starting the coordinator and its clusters');
  const federation = await startFederation({
    folder,
    clusters,
    hostile,
    syscall: { spec: detector.spec, initialModel: detector.init(options.seed), policy },
    flow: flow && {
      spec: flow.start.spec,
      initialModel: flow.start.init(options.seed),
      policy: trackPolicy(prepared, flow.training),
      files: new Map([...flow.clusters].map(([name, { learntFile }]) => [name, learntFile])),
    },
    seed: options.seed,
    canaries: cast?.attacks ?? new Map(),
  });
  try {
    await federation.ready((connected) =>
      screen.status(`${connected} of ${clusters.size} clusters have enrolled and watch`),
    );
    clock.lap('set-up and enrolment');
    const judges = new Judges(detector, clusters);
    const story = cast && new ReleaseStory({ federation, folder, policy, cast, screen });
    const { rounds, model, releases } = await runRounds(prepared, federation, judges, story, screen);
    clock.lap(`${rounds.length} rounds`);
    if (story !== undefined && releases !== undefined) await tellReleases(story, releases, federation, screen);
    clock.lap('the release story');
    const flowed = flow && (await runFlowRounds(prepared, flow, federation, screen));
    clock.lap(flow === undefined ? 'no flow track' : `${flow.rounds} rounds of the flow track`);
    await federation.stop();
    screen.status('waiting for the trainings that it is compared with');
    await ended(baselines, folder);
    const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
    const models = await baselineModels(detector.spec, honest, (name) => join(folder, baselineFile(name)));
    clock.lap('rest of the comparisons');
    screen.status('judging unseen traces with every model');
    const report = assess(prepared, judges, rounds, { ...models, robustUnderAttack: model });
    await saveModel(prepared, judges, model);
    const flowReport = flow && flowed && (await judgeFlow(prepared, flow, flowed, folder, honest));
    clock.lap('judging');
    const complete = {
      ...report,
      ...(flowReport && { flow: flowReport }),
      releases: story?.steps ?? [],
      phases: clock.phases(),
      seconds: clock.seconds(),
    };
    await publish(options.out, complete);
    conclude(complete, options.out, screen);
    return complete;
  } finally {
    await federation.stop();
  }
}

function trackPolicy({ policy, clusters, hostile }: Prepared, training: Training): object {
  return {
    aggregation: policy,
    rounds: {
      goal: { kind: 'share', ofEnrolled: 1 },
      overSelection: 1,
      // The honest must be able to finish without the liars, and the rule must be able to judge who came.
      quorum: { kind: 'count', updates: Math.max(updatesMin(policy) ?? 1, clusters.size - hostile.length) },
      recruitForMs: 60_000,
      collectForMs: 120_000,
      aggregateForMs: 120_000,
    },
    training: {
      epochs: 1_000,
      stepsMax: training.steps,
      batchSize: training.batchSize,
      learningRate: training.learningRate,
    },
    optimiser: { kind: 'plain', learningRate: 1 },
    schedule: null,
  };
}

/** The last two models that rounds made: what the release story is about. */
type LastReleases = Readonly<{ version: number; before: number }>;

async function runRounds(
  prepared: Prepared,
  federation: Federation,
  judges: Judges,
  story: ReleaseStory | undefined,
  screen: Screen,
) {
  const rounds: DemoRound[] = [];
  let model = prepared.detector.init(prepared.options.seed);
  let version = 0;
  let releases: LastReleases | undefined;
  screen.line(`\n${['round', 'receipts', '  AUC', 'seconds', ' what became of the updates'].join('  ')}`);
  for (let number = 1; number <= prepared.options.rounds; number++) {
    const isLast = number === prepared.options.rounds;
    if (isLast) await story?.prepare(version);
    const startedAt = performance.now();
    const ended = await federation.round((progress) => screen.status(progressText(number, prepared, progress)));
    const seconds = (performance.now() - startedAt) / 1e3;
    const { summary } = ended;
    if (summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE && summary.candidate !== undefined) {
      model = await federation.model(summary.candidate.digest);
      const before = version;
      version = Number(summary.candidate.version);
      if (isLast) releases = { version, before };
    }
    const judgements = judgeAll(prepared, judges, () => model);
    const round = roundOf(
      number,
      prepared,
      ended,
      seconds,
      mean(judgements.map(({ scores }) => aucOf(prepared.unseen, scores))),
    );
    rounds.push(round);
    tellRound(round, summary?.abandonedBecause ?? '', screen);
  }
  return { rounds, model, releases };
}

async function tellReleases(
  story: ReleaseStory,
  { version, before }: LastReleases,
  federation: Federation,
  screen: Screen,
): Promise<void> {
  await story.release(version, before);
  await story.rollBack(version, before);
  await story.dismissCanaries();
  const { summary } = await federation.round(() => screen.status('one round more, for a version to be forged'));
  const candidate = summary?.phase === RoundPhase.ROUND_PHASE_CANDIDATE ? summary.candidate : undefined;
  if (candidate !== undefined) await story.offerForgery(Number(candidate.version), candidate.digest, version);
}

/** Every honest cluster's judgement of the unseen traces, with the weights that it has. */
function judgeAll(
  { clusters, hostile, unseen }: Prepared,
  judges: Judges,
  weightsOf: (cluster: string) => Float32Array,
): Judgement[] {
  const honest = [...clusters.keys()].filter((name) => !hostile.includes(name));
  return honest.map((name) => judges.judge(name, weightsOf(name), unseen));
}

type Models = Readonly<{
  fedAvgUnderAttack: Float32Array;
  robustNoAttack: Float32Array;
  robustUnderAttack: Float32Array;
  pooled: Float32Array;
  local: ReadonlyMap<string, Float32Array>;
}>;

function assess(prepared: Prepared, judges: Judges, rounds: readonly DemoRound[], models: Models) {
  const { options, clusters, hostile, unseen, detector, partition } = prepared;
  const aucBy = (judgements: readonly Judgement[]) => mean(judgements.map(({ scores }) => aucOf(unseen, scores)));
  const alone = judgeAll(prepared, judges, (name) => models.local.get(name) as Float32Array);
  const together = judgeAll(prepared, judges, () => models.robustUnderAttack);
  const herd = alone.map(({ cluster, scores }, index) => {
    const services = new Set((clusters.get(cluster) ?? []).map(({ service }) => service));
    return herdRow(cluster, services, unseen, scores, (together[index] as Judgement).scores);
  });
  const neverSeen = herd.map(({ neverSeen: one }) => one.together - one.alone).filter((gain) => Number.isFinite(gain));
  const found = (rate: number) => mean(together.map(({ scores }) => foundAt(unseen, scores, rate)));
  return {
    settings: {
      data: options.data,
      partition: partition.kind === 'dirichlet' ? `dirichlet:${partition.alpha}` : partition.kind,
      clusters: clusters.size,
      hostile: hostile.length,
      rounds: options.rounds,
      rule: options.rule ?? [...prepared.policy.before, prepared.policy.rule].map(({ kind }) => kind).join(' + '),
      detector: options.detector,
      seed: options.seed,
      f: prepared.policy.f,
    },
    clusters: [...clusters].map(([cluster, traces]) => ({
      cluster,
      services: [...new Set(traces.map(({ service }) => service))].sort(),
      traces: traces.length,
      hostile: hostile.includes(cluster),
    })),
    rounds,
    hostile: [...hostile].sort(),
    auc: {
      localOnly: aucBy(alone),
      fedAvgUnderAttack: aucBy(judgeAll(prepared, judges, () => models.fedAvgUnderAttack)),
      robustUnderAttack: aucBy(together),
      robustNoAttack: aucBy(judgeAll(prepared, judges, () => models.robustNoAttack)),
      pooled: aucBy(judgeAll(prepared, judges, () => models.pooled)),
    },
    detection: { at5: found(0.05), at1: found(0.01) },
    // Where every cluster runs every workload there is nothing that one never saw: then what it gained in all.
    herdGain: neverSeen.length > 0 ? mean(neverSeen) : aucBy(together) - aucBy(alone),
    herd,
    newcomers: [...prepared.newcomers].map(([cluster, traces]) => ({
      cluster,
      auc: aucOf(traces, judgeAsNewcomer(detector, models.robustUnderAttack, traces)),
    })),
  };
}

async function startBaselines(options: DemoOptions, folder: string): Promise<Member> {
  const optionsFile = join(folder, 'options.json');
  await writeFile(optionsFile, JSON.stringify(options));
  const program = fileURLToPath(new URL('./baselines-process.ts', import.meta.url));
  return startMember({
    name: 'baselines',
    args: [program, optionsFile, folder],
    logFile: join(folder, 'baselines.log'),
  });
}

/** Waits for the comparisons. Throws what their process said last when not all of them are there. */
async function ended(baselines: Member, folder: string): Promise<void> {
  await baselines.exited;
  const done = await stat(join(folder, doneFile)).catch(() => undefined);
  if (done === undefined) throw new Error(`the comparisons ended by themselves:\n${await lastLines(baselines)}`);
}

async function baselineModels(spec: ModelSpec, honest: readonly string[], pathOf: (name: string) => string) {
  const layout = layoutOf(spec);
  const model = async (name: string) => unwrap(valuesOfBytes(layout, await readFile(pathOf(name))));
  const local = await Promise.all(honest.map(async (name) => [name, await model(`local-${name}`)] as const));
  return {
    fedAvgUnderAttack: await model('fedAvgUnderAttack'),
    robustNoAttack: await model('robustNoAttack'),
    pooled: await model('pooled'),
    local: new Map(local),
  };
}

/** What scoring needs: the weights that the federation shared, and each cluster's own part, since all live here. */
async function saveModel(
  { clusters, detector, options }: Prepared,
  judges: Judges,
  weights: Float32Array,
): Promise<void> {
  const states = new Map([...clusters.keys()].map((name) => [name, judges.stateOf(name, weights)]));
  await mkdir(options.out, { recursive: true });
  await saveModelFolder(join(options.out, 'model'), { detector, weights, clusters: states });
}

async function judgeFlow(
  { options, hostile }: Prepared,
  flow: PreparedFlow,
  { rounds, model }: Awaited<ReturnType<typeof runFlowRounds>>,
  folder: string,
  honest: readonly string[],
): Promise<FlowReport> {
  const models = await baselineModels(flow.start.spec, honest, (name) => join(folder, baselineFile(`flow-${name}`)));
  await saveFlowFolder(options.out, flow, model);
  return {
    detector: flow.detector,
    rounds,
    flowsOf: Object.fromEntries(flow.mapping.flowsOf),
    leftOut: flow.mapping.leftOut,
    sameClusters: flow.mapping.isNative,
    ...assessFlow(flow, hostile, { ...models, robustUnderAttack: model }),
  };
}

async function publish(out: string, report: DemoReport): Promise<void> {
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(out, 'report.html'), await renderReport(report, renderSvg));
}

function introduce({ clusters, hostile, options, unseen, leftOut }: Prepared, screen: Screen): void {
  screen.line(`${clusters.size} clusters learn from ${options.data}; ${unseen.length} unseen traces judge them`);
  for (const [name, traces] of clusters) {
    const services = [...new Set(traces.map(({ service }) => service))].sort().join(', ');
    screen.line(`  ${name}  ${hostile.includes(name) ? 'HOSTILE' : '       '}  ${services} (${traces.length} traces)`);
  }
  if (leftOut.length > 0) screen.line(`left out: ${leftOut.join('; ')}`);
}

function conclude(report: DemoReport, out: string, screen: Screen): void {
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

type Clock = Readonly<{ lap(phase: string): void; phases(): DemoReport['phases']; seconds(): number }>;

function startClock(): Clock {
  const startedAt = performance.now();
  let lastAt = startedAt;
  const phases: { phase: string; seconds: number }[] = [];
  return {
    lap(phase) {
      const now = performance.now();
      phases.push({ phase, seconds: (now - lastAt) / 1e3 });
      lastAt = now;
    },
    phases: () => phases,
    seconds: () => (performance.now() - startedAt) / 1e3,
  };
}
