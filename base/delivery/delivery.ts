import { hostname } from 'node:os';
import { type Backoff, fullJitterMs } from '../backoff.ts';
import { Beat } from '../beat.ts';
import { buildVersion } from '../build-version.ts';
import { faultFields, type Log } from '../log.ts';
import type { Timers } from '../time.ts';
import { ratePerMinute, TokenBucket } from '../waiting/token-bucket.ts';
import type { DeliveryConfig, SinkConfig } from './delivery-config.ts';
import { Outbox, type Waiting } from './outbox.ts';
import type { Deliverable, Outgoing, Sender, Wording } from './outgoing.ts';
import { Repeats } from './repeats.ts';
import { openSink } from './sinks/open-sink.ts';
import type { Attempt, Sink } from './sinks/sink.ts';

export type DeliveryParts<Item> = Readonly<{
  config: DeliveryConfig;
  dataDirectory: string;
  wording: Wording<Item>;
  /** Empty names before this client is a member. */
  sender: () => Pick<Sender, 'federation' | 'cluster'>;
  /** Hears what became of each attempt. */
  attempted: (sink: SinkConfig['kind'], outcome: Attempt['kind']) => void;
  log: Log;
  timers: Timers;
  /** In [0, 1). */
  unit?: () => number;
}>;

const backoff: Backoff = { firstMs: 1_000, maxMs: 600_000 };
/** Another process may have queued dead letters anew. */
const lookMsMax = 5_000;
const attemptMsMax = 15_000;
/** For what is under way at a stop. */
const graceMs = 2_000;
const hourMs = 3_600_000;

type Lane<Item> = Readonly<{ config: SinkConfig; sink: Sink<Item>; bucket: TokenBucket; beat: Beat }>;

/**
 * From what happened to every sink, each in a lane of its own: in the order of time, one at a time, so many a minute, again until it
 * is taken. What is refused, or was tried for too long, is kept as a dead letter. Nothing here holds up who raises alerts.
 */
export class Delivery<Item extends Deliverable> {
  readonly #parts: DeliveryParts<Item>;
  readonly #outbox: Outbox<Item>;
  readonly #repeats: Repeats<Item>;
  readonly #stopping = new AbortController();
  readonly #lanes: readonly Lane<Item>[];
  readonly #windows: Beat;
  #closing: Promise<void> | undefined;

  private constructor(parts: DeliveryParts<Item>, outbox: Outbox<Item>) {
    this.#parts = parts;
    this.#outbox = outbox;
    const { config } = parts;
    this.#repeats = new Repeats(config.repeatSeconds * 1_000, parts.wording.keyOf);
    this.#lanes = config.sinks.map((sink) => this.#laneOf(sink));
    this.#windows = this.#beat('what came again', async () => this.#tellRepeats());
  }

  /** Undefined where there is no sink, or nowhere to keep what waits for one. */
  static open<Item extends Deliverable>(parts: DeliveryParts<Item>): Delivery<Item> | undefined {
    const { config, dataDirectory, log } = parts;
    if (config.sinks.length === 0) return undefined;
    const outbox = Outbox.open<Item>(dataDirectory);
    if (!outbox.ok) {
      log.error(faultFields(outbox.fault), 'alerts are not delivered');
      return undefined;
    }
    const delivery = new Delivery(parts, outbox.value);
    for (const { beat } of delivery.#lanes) beat.wake(); // What an earlier run left.
    return delivery;
  }

  /**
   * Takes one; it is on disk when this returns, unless it only counts as one more of the same. False where it could not be
   * kept, as on a full disk: then it is as if it had not been handed over.
   */
  take(item: Item): boolean {
    const nowMs = this.#parts.timers.now();
    const first = this.#repeats.take(item, nowMs);
    for (const outgoing of this.#repeats.ended(nowMs)) this.#put(outgoing);
    const isKept = first === undefined || this.#put(first);
    if (!isKept) this.#repeats.forget(item);
    this.#windows.wake();
    return isKept;
  }

  /**
   * What was counted of repeats is queued. What is under way may end within the grace; what is cut, or waits, is tried again at the
   * next start. May be called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { timers } = this.#parts;
    for (const outgoing of this.#repeats.ended(0, true)) this.#put(outgoing);
    const grace = timers.after(graceMs, () => this.#stopping.abort());
    await Promise.all([this.#windows, ...this.#lanes.map(({ beat }) => beat)].map((beat) => beat.stop()));
    timers.cancel(grace);
    this.#outbox.close();
  }

  #put(outgoing: Outgoing<Item>): boolean {
    const { config, log, timers } = this.#parts;
    let isKept = true;
    try {
      this.#outbox.put(
        config.sinks.map(({ name }) => name),
        outgoing,
        timers.now(),
      );
    } catch (error) {
      isKept = false; // A full disk: whoever raises alerts must go on.
      log.error(
        { code: 'OUTBOX_UNUSABLE', cause: (error as Error).message, alert: outgoing.item.id },
        'alert not queued',
      );
    }
    if (this.#closing === undefined) for (const { beat } of this.#lanes) beat.wake();
    return isKept;
  }

  #tellRepeats(): void {
    const { timers } = this.#parts;
    for (const outgoing of this.#repeats.ended(timers.now())) this.#put(outgoing);
    const { nextMs } = this.#repeats;
    if (nextMs !== undefined) this.#windows.wakeIn(Math.max(1, nextMs - timers.now()));
  }

  #laneOf(config: SinkConfig): Lane<Item> {
    const { timers, wording } = this.#parts;
    const bucket = new TokenBucket(ratePerMinute(this.#parts.config.perMinute), timers.monotonicMs());
    const lane: Lane<Item> = {
      config,
      bucket,
      sink: openSink(config, wording, timers.now),
      beat: this.#beat(config.name, () => this.#drain(lane)),
    };
    return lane;
  }

  #beat(what: string, work: () => Promise<void>): Beat {
    const { log, timers } = this.#parts;
    const failed = (error: unknown) => {
      log.error({ code: 'OUTBOX_UNUSABLE', cause: (error as Error).message, what }, 'alerts are not delivered');
      beat.wakeIn(lookMsMax);
    };
    const beat = new Beat({ work, failed, timers, background: true });
    return beat;
  }

  async #drain(lane: Lane<Item>): Promise<void> {
    const { timers } = this.#parts;
    const { name } = lane.config;
    while (!lane.beat.stopped) {
      const waiting = this.#outbox.due(name, timers.now());
      if (waiting === undefined) break;
      const waitMs = lane.bucket.take(timers.monotonicMs());
      if (waitMs > 0) return lane.beat.wakeIn(waitMs);
      await this.#attempt(lane, waiting);
    }
    const nextMs = this.#outbox.nextMs(name);
    const untilNextMs = nextMs === undefined ? lookMsMax : Math.max(1, nextMs - timers.now());
    lane.beat.wakeIn(Math.min(lookMsMax, untilNextMs));
  }

  async #attempt(
    { config: { name, kind }, sink }: Lane<Item>,
    { seq, outgoing, attempts, queuedAtMs }: Waiting<Item>,
  ): Promise<void> {
    const { config, log, attempted, sender, timers, unit = Math.random } = this.#parts;
    const from = { ...sender(), build: buildVersion(), host: hostname() };
    const tooLong = new AbortController();
    const limit = timers.after(attemptMsMax, () => tooLong.abort());
    const attempt = await sink.send(outgoing, from, AbortSignal.any([tooLong.signal, this.#stopping.signal]));
    timers.cancel(limit);
    if (this.#stopping.signal.aborted && attempt.kind !== 'delivered') return;
    const nowMs = timers.now();
    attempted(kind, attempt.kind);
    if (attempt.kind === 'delivered') return this.#outbox.delivered(seq);
    const overdue = nowMs - queuedAtMs >= config.giveUpHours * hourMs;
    if (attempt.kind === 'refused' || overdue) {
      this.#outbox.bury(seq, attempt.why, nowMs);
      log.error(
        { sink: name, alert: outgoing.item.id, attempts: attempts + 1, why: attempt.why },
        'alert not delivered',
      );
      return;
    }
    this.#outbox.later(seq, nowMs + Math.max(1, attempt.afterMs ?? fullJitterMs(backoff, attempts, unit())));
    if (attempts === 0) log.warn({ sink: name, alert: outgoing.item.id, why: attempt.why }, 'alert waits for its sink');
  }
}
