import { type Fault, refuse } from '../../base/fault.ts';
import type { Timer, Timers } from '../../base/time.ts';
import type { AgentStore } from './agent-store.ts';

export type ExpiryPorts = Readonly<{
  timers: Timers;
  /** The metadata is out of date: the last good models go on. */
  onExpired(fault: Fault): void;
  /** A pin that decides what is live has ended, or the metadata has. */
  onEnd(): void;
}>;

/** Wakes the agent when a pin or the metadata ends: nobody else will tell it, least of all without a coordinator. */
export class ExpiryWatch {
  readonly #store: AgentStore;
  readonly #ports: ExpiryPorts;
  #timer: Timer | undefined;

  constructor(store: AgentStore, ports: ExpiryPorts) {
    this.#store = store;
    this.#ports = ports;
  }

  /** Looks at what is stored now, and sets the clock for what ends next. */
  look(): void {
    this.#ports.timers.cancel(this.#timer);
    const { expiresAtMs, tracks } = this.#store.state;
    const nowMs = this.#ports.timers.now();
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
    const look = () => {
      this.look();
      this.#ports.onEnd();
    };
    this.#timer = this.#ports.timers.after(Math.min(...ends) - nowMs, look, { background: true });
  }

  stop(): void {
    this.#ports.timers.cancel(this.#timer);
  }
}
