import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Member } from '../../lab/rig/member.ts';
import { cpuSecondsOf } from '../harness/process-figures.ts';

/** One metric of a sensor, without labels. */
export async function metricOf(port: number, name: string): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(page)?.[1]);
}

export type Used = Readonly<{ calls: number; cpuSeconds: number; seconds: number }>;

/** What a sensor reads and uses from now on, for so long; on a busy machine until it has read anything. */
export async function useOf({ pid }: Member, port: number, seconds: number): Promise<Used> {
  const calls = () => metricOf(port, 'testudo_sensor_calls_total');
  const before = { calls: await calls(), cpu: cpuSecondsOf(pid), atMs: performance.now() };
  let read = 0;
  for (let waits = 0; read === 0 && waits < 100; waits++) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    read = (await calls()) - before.calls;
  }
  return {
    calls: read,
    cpuSeconds: cpuSecondsOf(pid) - before.cpu,
    seconds: (performance.now() - before.atMs) / 1_000,
  };
}

/** The smallest value that so large a share of all is not above. Needs at least one. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] as number;
}

/** The stream's other end, and what it has told. */
export class Feed {
  readonly attacks = new Map<number, number>();
  events = 0;
  bytes = 0;
  /** How often every content has come. */
  laps = 0;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(
    socket: string,
    rate: number,
    options: Readonly<{ ringCalls?: number; attackEveryMs?: number }> = {},
  ) {
    const program = fileURLToPath(new URL('./feed.ts', import.meta.url));
    const { ringCalls = 100_000, attackEveryMs = 0 } = options;
    const args = ['--disable-warning=ExperimentalWarning', program, socket, rate, ringCalls, attackEveryMs].map(String);
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const feed = new Feed(child);
    await new Promise<void>((resolve) => {
      let rest = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line === 'ready') resolve();
          else feed.#hear(JSON.parse(line) as Record<string, number>);
        }
      });
    });
    return feed;
  }

  stop(): void {
    this.#child.kill('SIGTERM');
  }

  #hear(told: Record<string, number>): void {
    const { attack, atMs = 0, events = this.events, bytes = this.bytes, laps = this.laps } = told;
    if (attack !== undefined) this.attacks.set(attack, atMs);
    this.events = events;
    this.bytes = bytes;
    this.laps = laps;
  }
}
