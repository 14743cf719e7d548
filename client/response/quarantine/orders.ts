import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import type { Timer, Timers } from '../../../base/time.ts';

/** What an operator says to the agent: by a file in its folder, which only he can write who may act as the agent anyway. */
export type Order = Readonly<{
  kind: 'approve' | 'decline' | 'lift' | 'resume';
  /** Of the pod; empty for `resume`. */
  uid: string;
  by: string;
  reason: string;
  /** By the clock of whoever gave it; of what an agent heard, see `Orders`. */
  atMs: number;
}>;

/** Characters of a reason, and of who gives it. */
export const orderTextMax = 500;
const text = z.string().max(orderTextMax);
const shape = z.strictObject({
  kind: z.enum(['approve', 'decline', 'lift', 'resume']),
  uid: z.string().regex(/^[0-9a-zA-Z-]{0,63}$/),
  by: text,
  reason: text,
  atMs: z.number(),
});
const lookMs = 1_000;
const ordersMax = 1_000;

const orderFolder = (dataDirectory: string) => join(dataDirectory, 'orders');
const nameOf = ({ kind, uid }: Pick<Order, 'kind' | 'uid'>) => `${kind}-${uid}.json`;
const textOf = (order: Order) => JSON.stringify(shape.parse(order));

/** What an operator said last of a pod's quarantine; undefined where nobody did. */
export function wordOn(uid: string, orders: readonly Order[]): Order | undefined {
  const words = orders.filter((order) => order.uid === uid && (order.kind === 'approve' || order.kind === 'decline'));
  return words.sort((a, b) => a.atMs - b.atMs).at(-1);
}

/** The same order twice is one. */
export async function giveOrder(dataDirectory: string, order: Order): Promise<void> {
  await writeFileAtomic(join(orderFolder(dataDirectory), nameOf(order)), JSON.stringify(shape.parse(order)));
}

/**
 * The orders that lie in the agent's folder; each stays until it is done. What counts by its time counts by the agent's clock, not by
 * that of whoever types: one that came between two looks was given between them, and none was given later than it was heard.
 */
export class Orders {
  readonly #folder: string;
  readonly #timers: Timers;
  readonly #onChange: () => void;
  readonly #trouble: (cause: string) => void;
  #orders: readonly Order[] = [];
  /** When those that lie there were given, by their texts. */
  #givenMs: ReadonlyMap<string, number> = new Map();
  /** When the look began that read the folder last; undefined before the first. */
  #lookedMs: number | undefined;
  #timer: Timer | undefined;
  #looking: Promise<void>;
  /** Texts of those that were done since the look began that runs: it may have read them before. */
  #done = new Set<string>();
  #isClosed = false;

  constructor(dataDirectory: string, timers: Timers, onChange: () => void, trouble: (cause: string) => void) {
    this.#folder = orderFolder(dataDirectory);
    this.#timers = timers;
    this.#onChange = onChange;
    this.#trouble = trouble;
    this.#looking = this.#look();
  }

  get all(): readonly Order[] {
    return this.#orders;
  }

  /** A later word of the same kind about the same pod, which lies in its place by now, stays to be followed. */
  async done(order: Order): Promise<void> {
    const path = join(this.#folder, nameOf(order));
    const lies = await orderIn(path);
    if (lies === undefined || textOf(this.#timed(lies)) === textOf(order)) await rm(path, { force: true });
    this.#done.add(textOf(order));
    this.#orders = this.#orders.filter((other) => textOf(other) !== textOf(order));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timers.cancel(this.#timer);
    await this.#looking;
  }

  #timed(order: Order): Order {
    return { ...order, atMs: this.#givenMs.get(textOf(order)) ?? order.atMs };
  }

  async #look(): Promise<void> {
    const done = new Set<string>();
    this.#done = done;
    const beganMs = this.#timers.now();
    const found = await ordersIn(this.#folder).catch(({ message }: Error) => this.#trouble(message));
    if (found) {
      const nowMs = this.#timers.now();
      const givenMs = ({ atMs }: Order) => Math.min(Math.max(atMs, this.#lookedMs ?? atMs), nowMs);
      this.#givenMs = new Map(
        found.map((order) => [textOf(order), this.#givenMs.get(textOf(order)) ?? givenMs(order)]),
      );
      this.#lookedMs = beganMs;
    }
    // What cannot be read now holds what it held.
    const orders = (found?.map((order) => this.#timed(order)) ?? this.#orders).filter(
      (order) => !done.has(textOf(order)),
    );
    const hasChanged = JSON.stringify(orders) !== JSON.stringify(this.#orders);
    this.#orders = orders;
    if (this.#isClosed) return;
    if (hasChanged) this.#onChange();
    this.#timer = this.#timers.after(
      lookMs,
      () => {
        this.#looking = this.#look();
      },
      { background: true },
    );
  }
}

async function ordersIn(folder: string): Promise<readonly Order[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const orders: Order[] = [];
  for (const name of names.sort().slice(0, ordersMax)) {
    const order = name.endsWith('.json') ? await orderIn(join(folder, name)) : undefined;
    if (order !== undefined) orders.push(order);
  }
  return orders;
}

/** Undefined where there is none, or what is half-written or somebody else's. */
async function orderIn(path: string): Promise<Order | undefined> {
  try {
    return shape.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
