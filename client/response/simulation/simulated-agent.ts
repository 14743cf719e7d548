import { apiCluster } from '../cluster/api-cluster.ts';
import { LeaseElection } from '../cluster/lease.ts';
import { ResponseLoop } from '../loop.ts';
import type { Part } from '../part.ts';
import type { SimulatedApi } from './simulated-api.ts';
import { SimulatedView } from './simulated-objects.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const leaseTimes = { namespace: 'testudo', name: 'agent', durationMs: 60_000, renewWithinMs: 40_000, retryMs: 10_000 };

/** An agent in a simulated cluster: real but for its clock, its watches and its connection. */
export class SimulatedAgent {
  readonly view = new SimulatedView();
  readonly failures: unknown[] = [];
  readonly #world: SimulatedWorld;
  readonly #loop: ResponseLoop;
  readonly #election: LeaseElection | null;
  readonly #unwatch: () => void;
  #isCut = false;
  #isStalled = false;
  #isKilled = false;

  // biome-ignore lint/suspicious/noExplicitAny: each part's state is its own.
  constructor(world: SimulatedWorld, api: SimulatedApi, name: string, parts: readonly Part<any>[], withLease: boolean) {
    this.#world = world;
    const send = api.sendAs(name);
    this.#election = withLease ? new LeaseElection({ ...leaseTimes, holder: name }, send, world.timers) : null;
    const leads = () => !this.#isKilled && (this.#election === null || this.#election.isHeld());
    this.#loop = new ResponseLoop(parts, {
      cluster: apiCluster(send, leads),
      timers: world.timers,
      facts: () => this.view.facts,
      leads,
      onDone: () => undefined,
      onFailed: (_part, error) => void this.failures.push(error),
    });
    this.#unwatch = world.watch(
      this.view,
      () => this.#wake(),
      () => this.#isCut || this.#isKilled,
    );
    if (withLease) void this.#keepLease();
    this.#wake();
  }

  /** Its watches tell nothing for a while; it notices late, or not at all. Then it lists. */
  cut(forMs: number, noticedMs: number): void {
    const { timers } = this.#world;
    this.#isCut = true;
    timers.after(noticedMs, () => {
      if (this.#isCut) this.view.blindSinceMs = timers.now();
      this.#wake();
    });
    timers.after(forMs, () => {
      this.#isCut = false;
      this.view.blindSinceMs = null;
      this.view.replace(this.#world.objects);
      this.#wake();
    });
  }

  /** Its event loop stands still: nothing is decided, renewed or heard, and then everything at once. */
  stall(forMs: number): void {
    this.#isStalled = true;
    this.#world.timers.after(forMs, () => {
      this.#isStalled = false;
      this.#wake();
    });
  }

  /** At once, whatever it was at: requests that are on their way may still arrive, and nobody hears the answer. */
  kill(): void {
    this.#isKilled = true;
    this.#unwatch();
    void this.#loop.stop();
  }

  #wake(): void {
    if (!this.#isStalled && !this.#isKilled) this.#loop.wake();
  }

  async #keepLease(): Promise<void> {
    if (this.#isKilled) return;
    if (!this.#isStalled) {
      const before = this.#election?.isHeld();
      await this.#election?.look();
      if (before !== this.#election?.isHeld()) this.#wake();
    }
    this.#world.timers.after(leaseTimes.retryMs, () => void this.#keepLease(), { background: true });
  }
}
