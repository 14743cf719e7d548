import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ok, type Result } from '../base/fault.ts';
import { startFederation } from '../lab/rig/federation.ts';
import type { Member } from '../lab/rig/member.ts';
import type { FederationPlan } from '../lab/rig/plan.ts';
import { assess } from './assess.ts';
import { type Clock, startClock } from './clock.ts';
import { baselineFile } from './comparison/baseline-files.ts';
import { baselineModels, baselinesEnded, startBaselines } from './comparison/baselines.ts';
import { assessFlow } from './flow/judging.ts';
import { type PreparedFlow, prepareFlow } from './flow/prepare.ts';
import { runFlowRounds, saveFlowFolder } from './flow/story.ts';
import { Judges } from './judging.ts';
import { checkOut, publish, saveModel } from './keep.ts';
import type { DemoOptions } from './options.ts';
import { fileLayout } from './other/file-layout.ts';
import { flowsJob } from './other/flows-job.ts';
import type { OtherReport } from './other/other-report.ts';
import { rowsJob } from './other/rows-job.ts';
import { classLabels, type Prepared, prepare } from './prepare.ts';
import type { FlowReport } from './report/flow-report.ts';
import type { DemoReport } from './report/report.ts';
import type { Screen } from './screen.ts';
import { castAntibodies } from './story/antibody-cast.ts';
import { AntibodyStory } from './story/antibody-story.ts';
import { castReleases } from './story/release-cast.ts';
import { ReleaseStory } from './story/release-story.ts';
import { runRounds, tellReleases, trackPolicy } from './story/rounds.ts';
import { putSample } from './story/sample.ts';
import { conclude, introduce } from './story/telling.ts';

/**
 * The main job, from data to report. `testudo`: the command's program, which the processes run. Everything that it starts
 * has ended when it resolves or throws.
 */
export async function runDemo(
  options: DemoOptions,
  testudo: string,
  screen: Screen,
): Promise<Result<DemoReport | OtherReport>> {
  const out = await checkOut(options.out);
  if (!out.ok) return out;
  const clock = startClock();
  screen.status(`reading ${options.data}`);
  const layout = await fileLayout(options.data);
  if (layout === 'rows') return await rowsJob(options, screen);
  if (layout === 'flows') return await flowsJob(options, screen);
  const prepared = await prepare(options);
  if (!prepared.ok) return prepared;
  const folder = await mkdtemp(join(tmpdir(), 'testudo-demo-'));
  introduce(prepared.value, screen);
  const baselines = await startBaselines(options, folder);
  try {
    const report = await federate(prepared.value, { folder, testudo }, baselines, screen, clock);
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
  { folder, testudo }: Pick<FederationPlan, 'folder' | 'testudo'>,
  baselines: Member,
  screen: Screen,
  clock: Clock,
): Promise<DemoReport> {
  const { options, clusters, detector, hostile, unseen } = prepared;
  const cast = options.rounds < 2 ? undefined : castReleases(clusters, hostile, unseen, prepared.policy.f);
  const policy = trackPolicy(prepared, prepared.policy, prepared.training);
  const flow = options.tracks.includes('flow') ? await prepareFlow(prepared, join(folder, 'flows')) : undefined;
  screen.status('starting the coordinator and its clusters');
  const federation = await startFederation({
    testudo,
    folder,
    clusters,
    hostile,
    syscall: { spec: detector.spec, initialModel: detector.init(options.seed), policy },
    flow: flow && {
      spec: flow.start.spec,
      initialModel: flow.start.init(options.seed),
      policy: trackPolicy(prepared, prepared.flowPolicy, flow.training),
      files: new Map([...flow.clusters].map(([name, { learntFile }]) => [name, learntFile])),
    },
    seed: options.seed,
    canaries: cast?.attacks ?? new Map(),
    classes: classLabels(prepared),
  });
  try {
    await federation.ready((connected) =>
      screen.status(`${connected} of ${clusters.size} clusters have enrolled and watch`),
    );
    if (prepared.sample !== undefined) await putSample(federation, folder, prepared.sample, screen);
    clock.lap('set-up and enrolment');
    const judges = new Judges(detector, clusters);
    const story = cast && new ReleaseStory({ federation, folder, policy, cast, screen });
    const { rounds, model, releases } = await runRounds(prepared, federation, judges, story, screen);
    clock.lap(`${rounds.length} rounds`);
    const casts = cast === undefined ? [] : castAntibodies(cast, clusters, hostile, unseen);
    const antibodies = new AntibodyStory({ federation, folder, casts, screen });
    const tale =
      story === undefined || releases === undefined
        ? undefined
        : await tellReleases(story, releases, antibodies, federation, screen);
    clock.lap('the stories of releases and antibodies');
    const flowed = flow && (await runFlowRounds(prepared, flow, federation, screen));
    clock.lap(flow === undefined ? 'no flow track' : `${flow.rounds} rounds of the flow track`);
    await federation.stop();
    screen.status('waiting for the trainings that it is compared with');
    await baselinesEnded(baselines, folder);
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
      ...(tale && { antibodies: tale }),
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
