import { createHmac } from 'node:crypto';
import type { Intake, IntakeSource, SourceIntake } from '../../../events/intake.ts';
import type { SourceItem } from '../../../events/source-item.ts';
import type { Surroundings } from '../../track-kind.ts';
import { type ApiChain, callsMax, carriesRequest, chainOf, type RequestFlow } from './chain.ts';
import { RecentActivity } from './recent-activity.ts';

/** A chain is whole once nothing was added to it for so long: proxies write lines when requests are over. */
const quietMs = 5_000;
/** Chains that wait to be whole; beyond it the one that waits longest is taken as it is. */
const openMax = 10_000;
/** Hashes that are remembered, each of some 100 bytes. */
const hashesMax = 50_000;

type Open = { flows: RequestFlow[]; touchedMs: number; orders: Map<object, number> };

/**
 * Requests of all live sources together, as chains: each proxy on the way writes down its own part, under the same id. A
 * recording is put together by itself, by its own time.
 */
export class ApiIntake implements Intake<ApiChain> {
  readonly #hash: (text: string) => number;
  readonly #live: Chains;

  constructor({ salt }: Pick<Surroundings, 'salt'>) {
    this.#hash = saltedHash(salt);
    this.#live = new Chains(this.#hash);
  }

  from({ recorded }: Pick<IntakeSource, 'recorded'>): SourceIntake<ApiChain> {
    return recorded
      ? new ApiSourceIntake(new Chains(this.#hash), 'time of the recording')
      : new ApiSourceIntake(this.#live, 'our time');
  }
}

/** Open chains by the id that their requests have in common. */
class Chains {
  readonly #open = new Map<string, Open>();
  readonly #activity = new RecentActivity();
  readonly #hash: (text: string) => number;
  /** Sources that gave requests and have not ended. */
  readonly #givers = new Set<object>();

  constructor(hash: (text: string) => number) {
    this.#hash = hash;
  }

  add(flow: RequestFlow, { owner, order, nowMs }: Readonly<{ owner: object; order: number; nowMs: number }>) {
    this.#givers.add(owner);
    const closed = this.closeUntil(nowMs - quietMs);
    const { requestId } = flow.request;
    if (requestId === '') return [...closed, this.#chain([flow])];
    const known = this.#open.get(requestId);
    const open: Open = known ?? { flows: [], touchedMs: nowMs, orders: new Map() };
    if (known === undefined) this.#open.set(requestId, open);
    else {
      // Behind all others: a map keeps the order of insertion.
      this.#open.delete(requestId);
      this.#open.set(requestId, open);
    }
    open.flows.push(flow);
    open.touchedMs = nowMs;
    if (!open.orders.has(owner)) open.orders.set(owner, order);
    if (open.flows.length >= callsMax) return [...closed, this.#close(requestId, open)];
    if (this.#open.size <= openMax) return closed;
    const [oldest] = this.#open;
    return oldest === undefined ? closed : [...closed, this.#close(...oldest)];
  }

  /** Chains to which nothing was added since. */
  closeUntil(touchedMs: number): ApiChain[] {
    const closed: ApiChain[] = [];
    for (const [id, open] of this.#open) {
      if (open.touchedMs > touchedMs) break;
      closed.push(this.#close(id, open));
    }
    return closed;
  }

  /** A source ended. What is open waits on while others may add to it. */
  end(owner: object): ApiChain[] {
    this.#givers.delete(owner);
    return this.#givers.size > 0 ? [] : this.closeUntil(Number.POSITIVE_INFINITY);
  }

  oldestOf(owner: object): number | undefined {
    let oldest: number | undefined;
    for (const { orders } of this.#open.values()) {
      const order = orders.get(owner);
      if (order !== undefined && (oldest === undefined || order < oldest)) oldest = order;
    }
    return oldest;
  }

  #close(id: string, { flows }: Open): ApiChain {
    this.#open.delete(id);
    return this.#chain(flows.sort((a, b) => a.atMs - b.atMs));
  }

  #chain(flows: readonly RequestFlow[]): ApiChain {
    return chainOf(flows, this.#activity, this.#hash);
  }
}

class ApiSourceIntake implements SourceIntake<ApiChain> {
  readonly #chains: Chains;
  readonly #clock: 'our time' | 'time of the recording';

  constructor(chains: Chains, clock: 'our time' | 'time of the recording') {
    this.#chains = chains;
    this.#clock = clock;
  }

  push(item: SourceItem, order: number, nowMs: number): readonly ApiChain[] {
    if (item.kind !== 'flow' || !carriesRequest(item.flow)) return [];
    const ownMs = this.#clock === 'our time' ? nowMs : item.flow.atMs;
    return this.#chains.add(item.flow, { owner: this, order, nowMs: ownMs });
  }

  expire(nowMs: number): readonly ApiChain[] {
    return this.#clock === 'our time' ? this.#chains.closeUntil(nowMs - quietMs) : [];
  }

  flush(): readonly ApiChain[] {
    return this.#chains.end(this);
  }

  oldest(): number | undefined {
    return this.#chains.oldestOf(this);
  }
}

/** HMAC-SHA-256 under the cluster's salt, its first 32 bits; never 0. */
function saltedHash(salt: Uint8Array): (text: string) => number {
  const known = new Map<string, number>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const hash = createHmac('sha256', salt).update(text).digest().readUInt32LE(0) || 1;
    if (known.size >= hashesMax) known.clear();
    known.set(text, hash);
    return hash;
  };
}
