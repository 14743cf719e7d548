import { setTimeout as sleep } from 'node:timers/promises';

/** How long to rest so that `cpuMs` of work fit into `coresMax` cores' worth of time, of which `wallMs` have passed. */
export function restMs(cpuMs: number, wallMs: number, coresMax: number): number {
  return Math.max(0, cpuMs / coresMax - wallMs);
}

/** Keeps a process's CPU time, all its threads together, at or below a number of cores on average. */
export class DutyCycle {
  readonly #coresMax: number;
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  constructor(coresMax: number) {
    this.#coresMax = coresMax;
  }

  /** Rests as long as the work since the last call calls for; at least lets the event loop turn. */
  async rest(): Promise<void> {
    const { user, system } = process.cpuUsage(this.#cpu);
    await sleep(restMs((user + system) / 1_000, performance.now() - this.#atMs, this.#coresMax));
    this.#cpu = process.cpuUsage();
    this.#atMs = performance.now();
  }
}
