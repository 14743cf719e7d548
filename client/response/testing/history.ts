/** One history of a simulated cluster under rotation: what is in it and what goes wrong comes from its seed alone. */
import { type Random, seededRandom } from '../../../base/random.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { lastingCodes } from '../../posture/exposure.ts';
import type { Part } from '../part.ts';
import { type RotationState, rotationPart } from '../rotation/rotation.ts';
import { type RotationConfig, rotationConfig } from '../rotation/rotation-config.ts';
import { makeSchedule } from '../rotation/schedule.ts';
import { checkHistory, type Verdict } from './history-checks.ts';
import { SimulatedAgent } from './simulated-agent.ts';
import { honest, type Lies, SimulatedApi } from './simulated-api.ts';
import { populate } from './simulated-workloads.ts';
import { SimulatedWorld } from './simulated-world.ts';

export type HistoryOptions = Readonly<{
  seed: number;
  /** Simulated time. */
  hours?: number;
  config?: Partial<RotationConfig>;
  /** Faults of its seed's choice; none where it is false. */
  withFaults?: boolean;
  /** Every other name's pods are exposed by all that there is: they are due in half of their time. */
  withExposures?: boolean;
}>;

const minuteMs = 60_000;

export async function runHistory({
  seed,
  hours = 2,
  config: more = {},
  withFaults = true,
  withExposures = false,
}: HistoryOptions): Promise<Verdict> {
  const random = seededRandom(seed);
  const timers = new SimulatedTimers();
  const world = new SimulatedWorld(timers, random);
  const faults = withFaults ? faultsOf(random) : quiet;
  const api = new SimulatedApi(world, honest);
  if (withExposures) world.exposedBy = (name) => (name.length % 2 === 0 ? lastingCodes : []);
  populate(world, random);
  const config: RotationConfig = {
    ...rotationConfig.parse({
      mode: 'rotate',
      maxLifetimeMinutes: 60,
      replacementSecondsMax: 120,
      retryMinutes: 20,
      settleSeconds: 20,
    }),
    // A draw here would make another history of each seed.
    maxInFlight: {
      workload: seed % 4 === 3 ? 2 : 1,
      node: 1 + Math.floor(random() * 2),
      cluster: 1 + Math.floor(random() * 3),
    },
    ...more,
  };
  await timers.advance(2 * minuteMs); // Everything stands.
  api.lies = faults.lies;
  let paused = false;
  const schedule = makeSchedule(Buffer.alloc(32, seed), config);
  const part = rotationPart({ config, schedule, isPaused: () => paused });
  const check = checkHistory(world, api, config, faults.isInvoluntary);
  const watched: Part<RotationState> = {
    ...part,
    step: (state, facts, now) => {
      const next = part.step(state, facts, now);
      if (next.state.seen !== null) check.seen(next.state.seen, facts, now);
      return next;
    },
  };
  const agents = Array.from(
    { length: faults.agents },
    (_, at) => new SimulatedAgent(world, api, `agent-${at}`, [watched], faults.agents > 1),
  );
  const endMs = hours * 60 * minuteMs;
  let number = agents.length;
  for (let nowMs = 0; nowMs < endMs; ) {
    const stepMs = faults.everyMs === null ? endMs : world.between(1_000, faults.everyMs);
    await timers.advance(Math.min(stepMs, endMs - nowMs));
    nowMs += stepMs;
    if (faults.everyMs === null || nowMs >= endMs) continue;
    const at = Math.floor(random() * agents.length);
    const agent = agents[at] as SimulatedAgent;
    const fault = faults.kinds[Math.floor(random() * faults.kinds.length)];
    if (fault === 'kill') {
      agent.kill();
      number += 1;
      await timers.advance(world.between(10, 5_000));
      agents[at] = new SimulatedAgent(world, api, `agent-${number}`, [watched], faults.agents > 1);
    } else if (fault === 'cut') agent.cut(world.between(1_000, 120_000), 500);
    else if (fault === 'stall') agent.stall(world.between(1_000, 100_000));
    else if (fault === 'rollout') check.rollOut(random);
    else if (fault === 'growth') check.changeGrowth(random);
    else if (fault === 'budget') check.changeBudget(random);
    else if (fault === 'crash') check.crashPod(random);
    else if (fault === 'cordon') check.cordon(random);
    else if (fault === 'scale') check.scale(random);
  }
  // Nothing new begins, and nothing lies: what was begun comes to its end.
  paused = true;
  api.lies = honest;
  check.heal();
  await timers.advance(15 * minuteMs);
  for (const agent of agents) agent.kill();
  await timers.advance(1);
  return check.verdict(agents.flatMap(({ failures }) => failures));
}

type FaultKind = 'kill' | 'cut' | 'stall' | 'rollout' | 'growth' | 'budget' | 'crash' | 'cordon' | 'scale';

type Faults = Readonly<{
  agents: number;
  lies: Lies;
  kinds: readonly FaultKind[];
  everyMs: number | null;
  /** Pods fail, or workloads change their size, without anybody's asking: then fewer may be ready than a floor says. */
  isInvoluntary: boolean;
}>;

const quiet: Faults = { agents: 1, lies: honest, kinds: [], everyMs: null, isInvoluntary: false };

function faultsOf(random: Random): Faults {
  const share = () => (random() < 0.5 ? 0 : random() * 0.08);
  const lies = Object.fromEntries(Object.keys(honest).map((name) => [name, share()])) as Lies;
  const isInvoluntary = random() < 0.3;
  const kinds: FaultKind[] = ['kill', 'cut', 'rollout', 'growth', 'budget', 'cordon'];
  const agents = random() < 0.2 ? 2 : 1;
  if (agents > 1) kinds.push('stall', 'stall');
  if (isInvoluntary) kinds.push('crash', 'scale');
  return {
    agents,
    lies: random() < 0.3 ? honest : lies,
    kinds,
    everyMs: 5 * minuteMs + random() * 10 * minuteMs,
    isInvoluntary,
  };
}
