import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import type { KubeEndpoint } from './endpoint.ts';
import { askReply } from './request.ts';

export type ReadinessPorts = Readonly<{
  timers: Timers;
  /** Uniform in [0, 1): spreads clients over time. */
  unit(): number;
  /** Whether the server says that it is ready. Ends soon once `signal` aborts, with whatever answer. */
  look(signal: AbortSignal): Promise<boolean>;
}>;

/** Between two looks at most: a twentieth of the time for which the server has been away, within these. */
const lookMs = { least: 1_000, most: 10_000, shareOfAbsence: 0.05 } as const;
const answerMsMax = 2_000;

/** Of one API server, for all who watch through `endpoint`. */
export function readinessOf(endpoint: KubeEndpoint, timers: Timers, unit: () => number): ServerReadiness {
  return new ServerReadiness({ timers, unit, look: (signal) => saysReady(endpoint, timers, signal) });
}

/** A refusal is an answer too: who may not read /readyz finds out by its own request what works. */
async function saysReady(endpoint: KubeEndpoint, timers: Timers, signal: AbortSignal): Promise<boolean> {
  const asked = await askReply({ endpoint, timers, signal }, { method: 'GET', path: '/readyz', answerMsMax });
  return asked.ok && asked.value.status < 500 && asked.value.status !== 429;
}

/**
 * Ends pauses between attempts when an API server that did not answer is ready again. Pauses grow to half a minute, so that a server in trouble
 * is asked seldom; one that is back would wait for that long to be noticed. So as long as somebody pauses because nothing answered, one look for
 * all of them asks whether it is ready: where nobody listens that is a connection refused, and nothing that a server has to do.
 */
export class ServerReadiness {
  readonly #ports: ReadinessPorts;
  readonly #waiting = new Set<AbortController>();
  #awaySinceMs: number | undefined;
  #looking: AbortController | undefined;
  /** It says that it is ready, and nobody is answered: what it says ends no pause until somebody is. */
  #isDisbelieved = false;

  constructor(ports: ReadinessPorts) {
    this.#ports = ports;
  }

  /** Somebody's request was answered as it should be. */
  answered(): void {
    this.#awaySinceMs = undefined;
    this.#isDisbelieved = false;
  }

  /**
   * Resolves after `ms`, or as soon as `signal` aborts, or with true when the server was away and is ready again. `isAway`: nothing answered, so
   * it is looked after.
   */
  async pause(ms: number, isAway: boolean, signal: AbortSignal): Promise<boolean> {
    const { timers } = this.#ports;
    if (isAway) this.#awaySinceMs ??= timers.monotonicMs();
    const cut = new AbortController();
    const stop = () => cut.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    this.#waiting.add(cut);
    this.#startLooking();
    await pause(timers, ms, cut.signal);
    this.#waiting.delete(cut);
    signal.removeEventListener('abort', stop);
    if (this.#waiting.size === 0) this.#stopLooking();
    return cut.signal.reason === readyAgain;
  }

  #startLooking(): void {
    if (this.#looking !== undefined || this.#awaySinceMs === undefined || this.#isDisbelieved) return;
    this.#looking = new AbortController();
    void this.#look(this.#looking.signal, this.#awaySinceMs);
  }

  #stopLooking(): void {
    this.#looking?.abort();
    this.#looking = undefined;
  }

  async #look(signal: AbortSignal, awaySinceMs: number): Promise<void> {
    const { timers, unit, look } = this.#ports;
    while (!signal.aborted) {
      const share = (timers.monotonicMs() - awaySinceMs) * lookMs.shareOfAbsence;
      const mostMs = Math.min(lookMs.most, Math.max(lookMs.least, share));
      await pause(timers, (mostMs * (1 + unit())) / 2, signal);
      if (signal.aborted || !(await look(signal)) || signal.aborted) continue;
      this.#stopLooking();
      this.#awaySinceMs = undefined;
      this.#isDisbelieved = true;
      for (const cut of this.#waiting) cut.abort(readyAgain);
    }
  }
}

const readyAgain = Symbol('ready again');
