import { ok, type Refused, type Result, refuse } from '../../base/fault.ts';
import { cutShort } from '../access/access-control.ts';
import { ConcurrencyLimit } from '../access/concurrency-limit.ts';
import type { CutFaultCode } from '../access/faults.ts';
import type { Caller } from '../members/authenticate.ts';
import type { Engine } from '../rounds/engine.ts';

/** Of one peer, and of all: tools need one or two, and nothing that they are told is theirs alone. */
const caps = { perPeerMax: 4, atOnceMax: 1_000, waitingMax: 0 };

type Barred = 'CLUSTER_QUARANTINED';

/** Streams of the standard services, which tools hold open as long as they like: bounded, and not for clusters in quarantine. */
export class ToolStreams {
  readonly #engine: Pick<Engine, 'state' | 'follow'>;
  readonly #limit = new ConcurrencyLimit('WATCHES_BUSY', caps);

  constructor(engine: Pick<Engine, 'state' | 'follow'>) {
    this.#engine = engine;
  }

  /** Why this caller gets nothing, if so. */
  barred(caller: Caller): Refused<Barred> | undefined {
    if (caller.kind !== 'cluster') return undefined;
    const { cluster } = caller;
    if (this.#engine.state().clusters.get(cluster)?.quarantined !== true) return undefined;
    return refuse('CLUSTER_QUARANTINED', `${cluster} is in quarantine`);
  }

  /** Serves one stream until `work` is done; `until` aborts when the call is cut or its cluster comes into quarantine. */
  async serve<Code extends string = never>(
    caller: Caller,
    signal: AbortSignal,
    work: (until: AbortSignal) => Promise<Result<void, Code> | void>,
  ): Promise<Result<void, Code | CutFaultCode | Barred | 'WATCHES_BUSY'>> {
    const barred = this.barred(caller);
    if (barred !== undefined) return barred;
    const name = caller.kind === 'cluster' ? `cluster/${caller.cluster}` : `operator/${caller.name}`;
    const entered = await this.#limit.enter(name, signal);
    if (!entered.ok) return signal.aborted ? cutShort(signal) : entered;
    const quarantine = new AbortController();
    const unfollow = this.#engine.follow(({ event }) => {
      if (event.kind === 'quarantineSet' && this.barred(caller) !== undefined) quarantine.abort();
    });
    try {
      const done = await work(AbortSignal.any([signal, quarantine.signal]));
      if (signal.aborted) return cutShort(signal);
      return this.barred(caller) ?? done ?? ok(undefined);
    } finally {
      unfollow();
      entered.value();
    }
  }
}
