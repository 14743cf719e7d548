/** Recorded intrusions in pods under rotation whose order follows what the detector really said of them. */
import { seededRandom } from '../../base/random.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { isBenign } from '../../client/events/trace.ts';
import { riskSteps, type Sighting } from '../../client/response/ladder/sighting.ts';
import { rotationPart } from '../../client/response/rotation/rotation.ts';
import { rotationConfig } from '../../client/response/rotation/rotation-config.ts';
import { makeSchedule } from '../../client/response/rotation/schedule.ts';
import { sighting } from '../../client/response/simulation/sightings.ts';
import { SimulatedAgent } from '../../client/response/simulation/simulated-agent.ts';
import { SimulatedApi } from '../../client/response/simulation/simulated-api.ts';
import type { Pod } from '../../client/response/simulation/simulated-objects.ts';
import { addBudget, addDeployment } from '../../client/response/simulation/simulated-workloads.ts';
import { SimulatedWorld } from '../../client/response/simulation/simulated-world.ts';
import { meanOf, recordedWorld, scoresOf, statesOf } from '../detection/world.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

const minuteMs = 60_000;
/** The default of a client: so many benign traces are flagged. */
const alertRate = 0.001;
/** How fast what was recorded is played: an intruder's traces, and benign ones of each pod. */
const [traceEveryMs, benignEveryMs] = [10_000, 30_000];
const [apps, replicas] = [8, 3];

type Scored = Readonly<{ threshold: number; runs: readonly (readonly number[])[]; falseAlarms: readonly number[] }>;

/** What the federated model and each cluster's own memory say of every trace that nobody learnt from; runs are single intrusions. */
async function recordedScores(small: boolean): Promise<Scored> {
  const world = await recordedWorld(small ? ['c01'] : undefined);
  const weights = meanOf(world.locals);
  const scores = scoresOf(world, weights, statesOf(world, weights));
  const of = world.unseen.map((trace, at) => ({ trace, score: scores[at] as number }));
  const benign = of.filter(({ trace }) => isBenign(trace)).map(({ score }) => score);
  benign.sort((a, b) => b - a);
  const threshold = benign[Math.floor(alertRate * benign.length)] as number;
  const hostile = of.filter(({ trace }) => !isBenign(trace));
  const runs = [...Map.groupBy(hostile, ({ trace }) => trace.name.split('.')[0] ?? '').values()];
  return {
    threshold,
    runs: runs.map((run) => run.map(({ score }) => score)),
    falseAlarms: benign.filter((score) => score >= threshold),
  };
}

export async function hottestFirst(small: boolean, report: Report): Promise<void> {
  const scored = await recordedScores(small);
  const runs = small ? scored.runs.slice(0, 5) : scored.runs;
  const { dwellsMs, meanLifetimeMs, rotations } = await replay({ ...scored, runs });
  const found = runs.filter((run) => run.some((score) => score >= scored.threshold)).length;
  // Half of its interval is what an intruder has left in the median who begins at any moment of a fixed schedule.
  const [ours, fixed] = [median(dwellsMs), meanLifetimeMs / 2];
  report.record({
    case: `hottest first runs=${runs.length}`,
    found,
    oursMs: ours,
    fixedMs: fixed,
    rotations,
    meanLifetimeMs,
  });
  const minutes = (ms: number) => (ms / minuteMs).toFixed(1);
  report.text(
    `## The most suspicious first\n\n${runs.length} recorded intrusions ([data/recorded](../../data/recorded/README.md)), each begun at any moment in one of ${apps * replicas} pods, its traces one every ` +
      `${traceEveryMs / 1_000} s, with the scores that the federated detector and the cluster's memory give them; beside them every pod's benign traces, one every ${benignEveryMs / 1_000} s, of which 1 in 1,000 ` +
      `raises a false alarm. ${found} of the intrusions raise an alert. A pod is rotated after ${minutes(meanLifetimeMs)} minutes in the mean (bound 60, mean 30 without risks). ` +
      `Median stay of an intruder: ${minutes(ours)} minutes; under a fixed schedule with as many rotations, by calculation, ${minutes(fixed)}: ${(ours / fixed).toFixed(2)} of it.`,
  );
}

async function replay({ runs, threshold, falseAlarms }: Scored) {
  const random = seededRandom(31);
  const timers = new SimulatedTimers();
  const world = new SimulatedWorld(timers, random);
  const api = new SimulatedApi(world);
  for (let at = 0; at < 4; at += 1) {
    world.objects.nodes.set(`node-${at}`, { uid: `node-${at}`, name: `node-${at}`, isCordoned: false });
  }
  for (let at = 0; at < apps; at += 1) {
    addDeployment(world, `app-${at}`, replicas, true);
    addBudget(world, `app-${at}`, `app-${at}`, { maxUnavailable: 1 });
  }
  await timers.advance(3 * minuteMs);
  const config = rotationConfig.parse({
    ...{ mode: 'rotate', maxLifetimeMinutes: 62, meanLifetimeMinutes: 30, replacementSecondsMax: 120 },
    ...{ settleSeconds: 0, maxInFlight: { workload: 1, node: 8, cluster: 8 } },
  });
  const schedule = makeSchedule(Buffer.alloc(32, 31), config);
  const agent = new SimulatedAgent(
    world,
    api,
    'agent',
    [rotationPart({ config, schedule, isPaused: () => false })],
    false,
  );
  const heard = new Map<string, Sighting[]>();
  const alert = (pod: Pod, score: number) => {
    if (pod.isDeleting) return;
    const of = { namespace: pod.namespace, pod: pod.name, workload: pod.labels.app ?? '', track: 'syscall' };
    const one = { ...sighting({ ...of, id: world.unique('a'), atMs: timers.now() }), score, threshold };
    const mine = [...(heard.get(pod.uid) ?? []), one];
    heard.set(pod.uid, mine);
    agent.view.risks = new Map([...agent.view.risks, [pod.uid, riskSteps(mine)]]);
    world.wrote('nodes', 'node-0'); // An alert wakes the agent, as any change does.
  };
  const running = () => [...world.objects.pods.values()].filter(({ isReady, isDeleting }) => isReady && !isDeleting);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
  let isOver = false;
  const falseAlarm = () => {
    if (isOver) return;
    alert(pick(running()), pick(falseAlarms));
    timers.after(-Math.log(1 - random()) * (benignEveryMs / (apps * replicas * alertRate)), falseAlarm);
  };
  timers.after(minuteMs, falseAlarm);
  const open = new Map<string, number>();
  const dwellsMs: number[] = [];
  world.onChange = () => {
    for (const [uid, sinceMs] of open) {
      const pod = world.objects.pods.get(uid);
      if (pod !== undefined && !pod.isDeleting) continue;
      open.delete(uid);
      dwellsMs.push(timers.now() - sinceMs);
    }
  };
  await timers.advance(60 * minuteMs); // From here on pods are of every age.
  const [startMs, deeds] = [timers.now(), api.deeds.length];
  for (const run of runs) {
    await timers.advance(world.between(5, 15) * minuteMs);
    const pod = pick(running().filter(({ uid }) => !open.has(uid)));
    open.set(pod.uid, timers.now());
    for (const [at, score] of run.entries()) {
      if (score >= threshold) timers.after(at * traceEveryMs + 1, () => alert(pod, score));
    }
  }
  await timers.advance(70 * minuteMs);
  isOver = true;
  const evicted = api.deeds.slice(deeds).filter(({ does }) => does === 'evict').length;
  const podMs = (timers.now() - startMs) * apps * replicas;
  agent.kill();
  return { dwellsMs, rotations: evicted, meanLifetimeMs: podMs / evicted };
}
