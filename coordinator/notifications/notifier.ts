import { Beat } from '../../base/beat.ts';
import { Delivery, type DeliveryParts } from '../../base/delivery/delivery.ts';
import { sinkFileProblems } from '../../base/delivery/sink-files.ts';
import type { EpochMs } from '../../base/time.ts';
import type { Attention } from '../views/attention.ts';
import { changesAfter, type KnownMatter } from './changes.ts';
import { readKnown, writeKnown } from './known-file.ts';
import { keyOf, type Notification } from './notification.ts';
import { notificationWording } from './wording.ts';

export type NotifierParts = Omit<DeliveryParts<Notification>, 'wording'> &
  Readonly<{
    /** Everything that somebody should look at now. */
    look: (nowMs: EpochMs) => Promise<readonly Attention[]>;
  }>;

const everyMs = 15_000;

/** Looks at what wants attention, four times a minute, and tells sinks what began, got worse and is over. */
export class Notifier {
  readonly #parts: NotifierParts;
  readonly #delivery: Delivery<Notification>;
  readonly #beat: Beat;
  readonly #openedMs: number;
  #known: ReadonlyMap<string, KnownMatter>;

  private constructor(parts: NotifierParts, delivery: Delivery<Notification>, known: ReadonlyMap<string, KnownMatter>) {
    this.#parts = parts;
    this.#delivery = delivery;
    this.#known = known;
    this.#openedMs = parts.timers.monotonicMs();
    this.#beat = new Beat({
      work: () => this.#look(),
      failed: (error) => {
        parts.log.error(
          { code: 'NOTIFICATIONS_FAILED', cause: String(error) },
          'a look at what wants attention failed',
        );
        this.#beat.wakeIn(everyMs);
      },
      timers: parts.timers,
      background: true,
    });
    this.#beat.wake();
  }

  /** Undefined where the configuration names no sink, or nothing can be kept for one. */
  static async open(parts: NotifierParts): Promise<Notifier | undefined> {
    const delivery = Delivery.open({ ...parts, wording: notificationWording });
    if (delivery === undefined) return undefined;
    for (const problem of await sinkFileProblems(parts.config)) parts.log.warn({ problem }, 'a sink takes nothing so');
    return new Notifier(parts, delivery, await readKnown(parts.dataDirectory));
  }

  /** What was told but not delivered goes on at the next start. May be called twice. */
  async close(): Promise<void> {
    await this.#beat.stop();
    await this.#delivery.close();
  }

  async #look(): Promise<void> {
    const { look, timers, dataDirectory } = this.#parts;
    const nowMs = timers.now();
    const matters = await look(nowMs);
    const { known, told } = changesAfter(this.#known, matters, nowMs, timers.monotonicMs() - this.#openedMs);
    const untold = told.filter((notification) => !this.#delivery.take(notification));
    const before = this.#known;
    this.#known = untoldAgain(known, before, untold.map(keyOf)); // Also where it cannot be written: then a restart tells the same again.
    this.#beat.wakeIn(everyMs);
    if (told.length > 0 || !sameKeys(before, known)) await writeKnown(dataDirectory, this.#known);
  }
}

/** What stands, but that which could not be queued as it was before: the next look tells of it. */
function untoldAgain(
  known: ReadonlyMap<string, KnownMatter>,
  before: ReadonlyMap<string, KnownMatter>,
  keys: readonly string[],
): ReadonlyMap<string, KnownMatter> {
  const next = new Map(known);
  for (const key of keys) {
    const [was, is] = [before.get(key), known.get(key)];
    if (was !== undefined) next.set(key, was);
    else if (is !== undefined) next.set(key, { ...is, toldAtMs: null, toldSeverity: null });
  }
  return next;
}

function sameKeys(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): boolean {
  return one.size === other.size && [...one.keys()].every((key) => other.has(key));
}
