/** What both kill tests share: whom to kill where, and what is started to be killed. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Random } from '../../../../base/random.ts';
import { lastLines, type Member, startMember } from '../../../../lab/rig/member.ts';
import type { ControlPlane } from '../control-plane.ts';

export type Victim = 'agent' | 'API server';

const testudo = fileURLToPath(new URL('../../../../cli/testudo.ts', import.meta.url));
/** It is a slow machine with much else to do. */
const waitMsMax = 600_000;
const lookMs = 20;

/** Looks again and again; throws after ten minutes, with what `stands` says is there instead. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  stands: () => string = () => '',
): Promise<void> {
  for (const startedAt = performance.now(); !(await holds()); await pause(lookMs)) {
    if (performance.now() - startedAt > waitMsMax) throw new Error(`not so after ten minutes: ${what} ${stands()}`);
  }
}

/** A process of `testudo agent run`; `failpoint`: see base/failpoint.ts. */
export function startAgentProcess({
  name,
  settings,
  failpoint,
  logFile,
}: Readonly<{ name: string; settings: readonly string[]; failpoint: string | undefined; logFile: string }>) {
  const words = settings.flatMap((setting) => ['--set', setting]);
  return startMember({
    name,
    args: ['--disable-warning=ExperimentalWarning', testudo, 'agent', 'run', ...words],
    env: failpoint === undefined ? {} : { TESTUDO_FAILPOINT: failpoint },
    logFile,
  });
}

/** Starts and kills agents of one data directory, and the API server that they talk to. */
export class Killing {
  readonly #plane: ControlPlane;
  readonly #folder: string;
  readonly #settings: readonly string[];
  #started = 0;
  #member: Member | undefined;
  /** SIGKILLs so far, by whom they met. */
  readonly kills: Record<Victim, number> = { agent: 0, 'API server': 0 };

  constructor(plane: ControlPlane, folder: string, settings: readonly string[]) {
    this.#plane = plane;
    this.#folder = folder;
    this.#settings = settings;
  }

  /** An agent. */
  async start(failpoint?: string): Promise<Member> {
    this.#started += 1;
    this.#member = await startAgentProcess({
      name: `agent-${this.#started}`,
      ...{ settings: this.#settings, failpoint, logFile: join(this.#folder, 'agents.log') },
    });
    return this.#member;
  }

  /** The agent dies at this step, by its own hand. */
  async killAgentAt(step: string): Promise<void> {
    const member = await this.start(step);
    await until(`an agent that comes to ${step}`, () => !member.running());
    if (member.exitCode() !== null) throw await endedByItself(member, step);
    this.kills.agent += 1;
  }

  /**
   * The API server dies when the agent has come to this step, and comes back. The agent goes on; `meanwhile` resolves when it
   * has done so, and then it ends. Without it the agent dies too, once there is somebody to talk to again.
   */
  async killApiServerAt(step: string, meanwhile: (() => Promise<void>) | undefined): Promise<void> {
    const member = await this.start(`${step} SIGKILL ${this.#plane.apiServerPid}`);
    await Promise.race([this.#plane.apiServerKilled(), member.exited]);
    if (!member.running()) throw await endedByItself(member, step);
    this.kills['API server'] += 1;
    await this.#plane.startApiServer();
    await meanwhile?.();
    if (!member.running()) throw await endedByItself(member, 'its end');
    if (meanwhile !== undefined) return await member.stop(waitMsMax);
    member.kill();
    await member.exited;
    this.kills.agent += 1;
  }

  /** Whatever it is at: after up to `withinMs` from its start. */
  async killAtAnyMoment(
    victim: Victim,
    withinMs: number,
    random: Random,
    meanwhile: (() => Promise<void>) | undefined,
  ): Promise<void> {
    const member = await this.start();
    await pause(random() * withinMs);
    if (!member.running()) throw await endedByItself(member, 'it was killed');
    this.kills[victim] += 1;
    if (victim === 'agent') {
      member.kill();
      return await member.exited;
    }
    await this.#plane.killApiServer();
    await this.#plane.startApiServer();
    await meanwhile?.();
    if (!member.running()) throw await endedByItself(member, 'its end');
    await member.stop(waitMsMax);
  }

  /** Whoever was started last is gone. */
  async close(): Promise<void> {
    this.#member?.kill();
    await this.#member?.exited;
  }
}

/** Nobody was killed then, and what killed it counts for no fault of ours. */
async function endedByItself(member: Member, before: string): Promise<Error> {
  return new Error(`the agent ended by itself before ${before}:\n${await lastLines(member)}`);
}
