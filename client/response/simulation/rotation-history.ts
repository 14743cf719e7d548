/** One history of a simulated cluster under rotation: what is in it and what goes wrong comes from its seed alone. */
import { type Random, seededRandom } from '../../../base/random.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import type { Timers } from '../../../base/time.ts';
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

/** A cluster with its agents and what is done to them, for whoever lets time pass. */
export class RotationHistory {
  readonly #random: Random;
  readonly #world: SimulatedWorld;
  readonly #api: SimulatedApi;
  readonly #faults: Faults;
  readonly #config: RotationConfig;
  readonly #seed: number;
  #check: ReturnType<typeof checkHistory> | undefined;
  #agents: SimulatedAgent[] = [];
  #part: Part<RotationState> | undefined;
  #number = 0;
  #isPaused = false;

  /** Everything stands two minutes later. */
  constructor(
    timers: Timers,
    random: Random,
    { seed, config: more = {}, withFaults = true, withExposures = false }: HistoryOptions,
  ) {
    this.#random = random;
    this.#seed = seed;
    this.#world = new SimulatedWorld(timers, random);
    this.#faults = withFaults ? faultsOf(random) : quiet;
    this.#api = new SimulatedApi(this.#world, honest);
    if (withExposures) this.#world.exposedBy = (name) => (name.length % 2 === 0 ? lastingCodes : []);
    populate(this.#world, random);
    this.#config = {
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
  }

  /** Agents begin, and lies. */
  begin(): void {
    this.#api.lies = this.#faults.lies;
    const schedule = makeSchedule(Buffer.alloc(32, this.#seed), this.#config);
    const part = rotationPart({ config: this.#config, schedule, isPaused: () => this.#isPaused });
    const check = checkHistory(this.#world, this.#api, this.#config, this.#faults.isInvoluntary);
    this.#check = check;
    this.#part = {
      ...part,
      step: (state, facts, now) => {
        const next = part.step(state, facts, now);
        if (next.state.seen !== null) check.seen(next.state.seen, facts, now);
        return next;
      },
    };
    this.#agents = Array.from({ length: this.#faults.agents }, () => this.#agentNow());
  }

  /** How long until the next fault, in milliseconds; null: none comes. */
  nextFaultInMs(): number | null {
    const { everyMs } = this.#faults;
    return everyMs === null ? null : this.#world.between(1_000, everyMs);
  }

  /** Does one. `later`: does something after a while. */
  async fault(later: (milliseconds: number, act: () => void) => Promise<void>): Promise<void> {
    const random = this.#random;
    const check = this.#check as ReturnType<typeof checkHistory>;
    const at = Math.floor(random() * this.#agents.length);
    const agent = this.#agents[at] as SimulatedAgent;
    const fault = this.#faults.kinds[Math.floor(random() * this.#faults.kinds.length)];
    if (fault === 'kill') {
      agent.kill();
      await later(this.#world.between(10, 5_000), () => {
        this.#agents[at] = this.#agentNow();
      });
    } else if (fault === 'cut') agent.cut(this.#world.between(1_000, 120_000), 500);
    else if (fault === 'stall') agent.stall(this.#world.between(1_000, 100_000));
    else if (fault === 'rollout') check.rollOut(random);
    else if (fault === 'growth') check.changeGrowth(random);
    else if (fault === 'budget') check.changeBudget(random);
    else if (fault === 'crash') check.crashPod(random);
    else if (fault === 'cordon') check.cordon(random);
    else if (fault === 'scale') check.scale(random);
  }

  /** Nothing new begins, and nothing lies: what was begun comes to its end within a quarter of an hour. */
  calm(): void {
    this.#isPaused = true;
    this.#api.lies = honest;
    this.#check?.heal();
  }

  end(): void {
    for (const agent of this.#agents) agent.kill();
  }

  /** What was broken so far. */
  get broken(): string | undefined {
    return this.#check?.broken();
  }

  verdict(): Verdict {
    return (this.#check as ReturnType<typeof checkHistory>).verdict(this.#agents.flatMap(({ failures }) => failures));
  }

  #agentNow(): SimulatedAgent {
    const parts = [this.#part as Part<RotationState>];
    const name = `agent-${this.#number++}`;
    return new SimulatedAgent(this.#world, this.#api, name, parts, this.#faults.agents > 1);
  }
}

export async function runHistory(options: HistoryOptions): Promise<Verdict> {
  const timers = new SimulatedTimers();
  const history = new RotationHistory(timers, seededRandom(options.seed), options);
  await timers.advance(2 * minuteMs);
  history.begin();
  const endMs = (options.hours ?? 2) * 60 * minuteMs;
  for (let nowMs = 0; nowMs < endMs; ) {
    const faultInMs = history.nextFaultInMs();
    const stepMs = faultInMs ?? endMs;
    await timers.advance(Math.min(stepMs, endMs - nowMs));
    nowMs += stepMs;
    if (faultInMs === null || nowMs >= endMs) continue;
    await history.fault(async (milliseconds, act) => {
      await timers.advance(milliseconds);
      act();
    });
  }
  history.calm();
  await timers.advance(15 * minuteMs);
  history.end();
  await timers.advance(1);
  return history.verdict();
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
