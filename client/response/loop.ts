import { Beat } from '../../base/beat.ts';
import { refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Cluster, Done } from './cluster/cluster.ts';
import type { Facts } from './cluster/facts.ts';
import type { ClusterAction, OwnAction, Part } from './part.ts';

export type LoopPorts = Readonly<{
  cluster: Cluster;
  timers: Timers;
  facts(): Facts;
  /** Whether this agent leads. */
  leads(): boolean;
  /** An action is about to be asked for. */
  onBegin?(action: ClusterAction | OwnAction): void;
  /** An action ended. */
  onDone(part: string, action: ClusterAction | OwnAction, done: Done): void;
  /** A part threw: a broken invariant of its own. It is asked again at the next look, the others go on. */
  onFailed(part: string, error: unknown): void;
}>;

// biome-ignore lint/suspicious/noExplicitAny: each part's state is its own, and no part sees another's.
type AnyPart = Part<any, any>;

/** However quiet the cluster is, parts are asked so often: clocks move on, and nobody is told of a lease that ran out. */
const lookAgainMs = 30_000;

/**
 * Asks each part what to do whenever something has changed, does it, and tells the part what became of it. Actions run
 * beside each other: an eviction may take ten seconds, and nobody else waits for it. Whether this agent leads is looked
 * at before parts are asked, and again by the cluster before each request is sent.
 */
export class ResponseLoop {
  readonly #ports: LoopPorts;
  readonly #parts: readonly AnyPart[];
  readonly #states = new Map<AnyPart, unknown>();
  readonly #running = new Set<Promise<void>>();
  readonly #beat: Beat;

  constructor(parts: readonly AnyPart[], ports: LoopPorts) {
    this.#ports = ports;
    this.#parts = parts;
    for (const part of parts) this.#states.set(part, part.first);
    this.#beat = new Beat({
      work: () => this.#look(),
      failed: (error) => ports.onFailed('loop', error),
      timers: ports.timers,
    });
  }

  /** Something has changed. */
  wake(): void {
    this.#beat.wake();
  }

  get isStopped(): boolean {
    return this.#beat.stopped;
  }

  /** Resolves when nothing is being decided or done. */
  async settled(): Promise<void> {
    await this.#beat.settled();
    while (this.#running.size > 0) {
      await Promise.all(this.#running);
      await this.#beat.settled();
    }
  }

  /** Asks nobody any more, and waits for what was begun. May be called twice. */
  async stop(): Promise<void> {
    await this.#beat.stop();
    await Promise.all(this.#running);
  }

  async #look(): Promise<void> {
    const { timers, leads, facts, onFailed } = this.#ports;
    const now = timers.now();
    let wakeInMs = lookAgainMs;
    if (leads()) {
      for (const part of this.#parts) {
        try {
          const next = part.step(this.#states.get(part), facts(), now);
          this.#states.set(part, next.state);
          for (const action of next.actions) this.#begin(part, action);
          if (next.wakeAtMs !== null) wakeInMs = Math.min(wakeInMs, Math.max(1, next.wakeAtMs - now));
        } catch (error) {
          onFailed(part.name, error);
        }
      }
    } else {
      // What another leader does meanwhile is not in these states.
      for (const part of this.#parts) this.#states.set(part, part.first);
    }
    this.#beat.wakeIn(wakeInMs);
  }

  #begin(part: AnyPart, action: ClusterAction | OwnAction): void {
    const { onDone, onFailed, timers } = this.#ports;
    const run = async () => {
      try {
        this.#ports.onBegin?.(action);
        const done = await this.#perform(part, action);
        this.#states.set(part, part.heard(this.#states.get(part), action, done, timers.now()));
        onDone(part.name, action, done);
      } catch (error) {
        onFailed(part.name, error);
      }
    };
    const running = run().finally(() => {
      this.#running.delete(running);
      this.wake();
    });
    this.#running.add(running);
  }

  #perform(part: AnyPart, action: ClusterAction | OwnAction): Promise<Done> {
    const { cluster } = this.#ports;
    switch (action.kind) {
      case 'patchPod':
        return cluster.patchPod(action.pod, action.change);
      case 'evictPod':
        return cluster.evictPod(action.pod, { dryRun: action.dryRun });
      case 'own':
        return part.perform?.(action) ?? Promise.resolve(unperformed(part.name));
    }
  }
}

const unperformed = (name: string): Done => ({
  ...refuse('CLUSTER_REFUSED', `${name} asks for an action of its own and performs none`),
  retryAfterMs: null,
});
