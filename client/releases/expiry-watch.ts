import { type Fault, refuse } from '../../base/fault.ts';
import type { AgentStore } from './agent-store.ts';

const timerMsMax = 2 ** 31 - 1;

export type ExpiryPorts = Readonly<{
  nowMs(): number;
  /** The metadata is out of date: the last good models go on. */
  onExpired(fault: Fault): void;
  /** A pin that decides what is live has ended, or the metadata has. */
  onEnd(): void;
}>;

/** Wakes the agent when a pin or the metadata ends: nobody else will tell it, least of all without a coordinator. */
export class ExpiryWatch {
  readonly #store: AgentStore;
  readonly #ports: ExpiryPorts;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: AgentStore, ports: ExpiryPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Looks at what is stored now, and sets the clock for what ends next. */
  look(): void {
    clearTimeout(this.#timer);
    const { expiresAtMs, tracks } = this.#store.state;
    const nowMs = this.#ports.nowMs();
    if (expiresAtMs !== null && nowMs >= expiresAtMs) {
      const at = new Date(expiresAtMs).toISOString();
      const message = `the release metadata expired at ${at}; the last good models go on, nothing new is installed`;
      this.#ports.onExpired(refuse('METADATA_EXPIRED', message).fault);
      return;
    }
    const pinEnds = Object.values(tracks).flatMap(({ live }) =>
      live?.because.kind === 'pin' && live.because.untilMs !== null ? [live.because.untilMs] : [],
    );
    const ends = [...pinEnds, ...(expiresAtMs === null ? [] : [expiresAtMs])].filter((endMs) => endMs > nowMs);
    if (ends.length === 0) return;
    this.#timer = setTimeout(
      () => {
        this.look();
        this.#ports.onEnd();
      },
      Math.min(timerMsMax, Math.min(...ends) - nowMs),
    );
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
