import type { ObservedFlow } from '../../../events/flow-record.ts';

type Timed = Readonly<{ flow: ObservedFlow; atMs: number }>;
/** `restarts`: the flows given out begin a new time; what was before is over. */
type Passed = Readonly<{ flows: readonly Timed[]; refused: number; restarts: boolean }>;

/** Flows that must agree before a jump of time is believed. */
const agreeing = 3;

/**
 * Holds back flows whose time is far from that of all before: one wrong clock must not close everybody's intervals. When
 * three in a row agree, time has really jumped (a source that was silent, or begins another recording) and they pass;
 * when they are contradicted, they are refused.
 */
export class TimeJumps {
  readonly #jumpMs: number;
  #latestMs: number | undefined;
  #held: Timed[] = [];

  constructor(jumpMs: number) {
    this.#jumpMs = jumpMs;
  }

  push(flow: ObservedFlow, atMs: number): Passed {
    const latestMs = this.#latestMs;
    if (latestMs === undefined || Math.abs(atMs - latestMs) <= this.#jumpMs) {
      const refused = this.#held.length;
      if (refused > 0) this.#held = [];
      this.#latestMs = Math.max(latestMs ?? atMs, atMs);
      return { flows: [{ flow, atMs }], refused, restarts: false };
    }
    const [first] = this.#held;
    const disagrees = first !== undefined && Math.abs(atMs - first.atMs) > this.#jumpMs;
    const refused = disagrees ? this.#held.length : 0;
    if (disagrees) this.#held = [];
    this.#held.push({ flow, atMs });
    if (this.#held.length < agreeing) return { flows: [], refused, restarts: false };
    return { ...this.#believe(latestMs), refused };
  }

  /** At the end of the input nothing can contradict what is held. */
  end(): Passed {
    return this.#held.length === 0
      ? { flows: [], refused: 0, restarts: false }
      : this.#believe(this.#latestMs as number);
  }

  #believe(latestMs: number): Passed {
    const flows = this.#held;
    this.#held = [];
    const times = flows.map(({ atMs }) => atMs);
    this.#latestMs = Math.max(...times);
    return { flows, refused: 0, restarts: Math.min(...times) < latestMs };
  }
}
