import type { Fault } from '../../base/fault.ts';
import type { CutFaultCode } from './faults.ts';

export type OpenCall = Readonly<{
  /** A stream that stays open until someone ends it, rather than a piece of work that ends by itself. */
  standing: boolean;
  /** What is wrong with the caller by now, if anything. */
  recheck(nowMs: number): Fault<CutFaultCode> | undefined;
  cut(fault: Fault<CutFaultCode>): void;
}>;

/** Calls that are open: so that a revocation, an expiry or a drain reaches streams that began before it. */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();

  get size(): number {
    return this.#calls.size;
  }

  add(call: OpenCall): () => void {
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Cuts every call whose caller would not be let in now. Returns how many. */
  recheck(nowMs: number): number {
    let cutCount = 0;
    for (const call of this.#calls) {
      const fault = call.recheck(nowMs);
      if (fault === undefined) continue;
      call.cut(fault);
      cutCount += 1;
    }
    return cutCount;
  }

  /** Ends the standing streams; work in progress goes on. */
  drain(fault: Fault<CutFaultCode>): void {
    for (const call of this.#calls) if (call.standing) call.cut(fault);
  }
}
