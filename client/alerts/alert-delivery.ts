import { hostname } from 'node:os';
import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import { Beat } from '../../base/beat.ts';
import { buildVersion } from '../../base/build-version.ts';
import { faultFields, type Log } from '../../base/log.ts';
import type { Timers } from '../../base/time.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import type { Alert } from '../scoring/alert.ts';
import { AlertOutbox } from './alert-outbox.ts';
import type { AlertsConfig, SinkConfig } from './alerts-config.ts';
import type { Outgoing, Sender } from './outgoing.ts';
import { Repeats } from './repeats.ts';
import { openSink } from './sinks/open-sink.ts';
import type { Sink } from './sinks/sink.ts';
import { TokenBucket } from './token-bucket.ts';

export type AlertDeliveryParts = Readonly<{
  config: AlertsConfig;
  dataDirectory: string;
  /** Empty names before this client is a member. */
  sender: () => Pick<Sender, 'federation' | 'cluster'>;
  metrics: Pick<ClientMetrics, 'alertDeliveries'>;
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

type Lane = Readonly<{ config: SinkConfig; sink: Sink; bucket: TokenBucket; beat: Beat }>;

/**
 * From an alert to every sink, each in a lane of its own: in the order of time, one at a time, so many a minute, again until it is
 * taken. What is refused, or was tried for too long, is kept as a dead letter. Nothing here holds up who raises alerts.
 */
export class AlertDelivery {
  readonly #parts: AlertDeliveryParts;
  readonly #outbox: AlertOutbox;
  readonly #repeats: Repeats;
  readonly #stopping = new AbortController();
  readonly #lanes: readonly Lane[];
  readonly #windows: Beat;
  #closing: Promise<void> | undefined;

  private constructor(parts: AlertDeliveryParts, outbox: AlertOutbox) {
    this.#parts = parts;
    this.#outbox = outbox;
    const { config } = parts;
    this.#repeats = new Repeats(config.repeatSeconds * 1_000);
    this.#lanes = config.sinks.map((sink) => this.#laneOf(sink));
    this.#windows = this.#beat('alerts that came again', async () => this.#tellRepeats());
  }

  /** Undefined where there is no sink, or nowhere to keep what waits for one: then alerts go to their file alone. */
  static open(parts: AlertDeliveryParts): AlertDelivery | undefined {
    const { config, dataDirectory, log } = parts;
    if (config.sinks.length === 0) return undefined;
    const outbox = AlertOutbox.open(dataDirectory);
    if (!outbox.ok) {
      log.error(faultFields(outbox.fault), 'alerts are not delivered');
      return undefined;
    }
    const delivery = new AlertDelivery(parts, outbox.value);
    for (const { beat } of delivery.#lanes) beat.wake(); // What an earlier run left.
    return delivery;
  }

  /** Takes an alert; it is on disk when this returns, unless it only counts as one more of the same. */
  take(alert: Alert): void {
    const nowMs = this.#parts.timers.now();
    const first = this.#repeats.take(alert, nowMs);
    for (const outgoing of [...this.#repeats.ended(nowMs), ...(first === undefined ? [] : [first])])
      this.#put(outgoing);
    this.#windows.wake();
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

  #put(outgoing: Outgoing): void {
    const { config, log, timers } = this.#parts;
    try {
      this.#outbox.put(
        config.sinks.map(({ name }) => name),
        outgoing,
        timers.now(),
      );
    } catch (error) {
      // A full disk: the alert stands in its file, and whoever raises alerts must go on.
      log.error(
        { code: 'OUTBOX_UNUSABLE', cause: (error as Error).message, alert: outgoing.alert.id },
        'alert not queued',
      );
    }
    if (this.#closing === undefined) for (const { beat } of this.#lanes) beat.wake();
  }

  #tellRepeats(): void {
    const { timers } = this.#parts;
    for (const outgoing of this.#repeats.ended(timers.now())) this.#put(outgoing);
    const { nextMs } = this.#repeats;
    if (nextMs !== undefined) this.#windows.wakeIn(Math.max(1, nextMs - timers.now()));
  }

  #laneOf(config: SinkConfig): Lane {
    const { timers } = this.#parts;
    const bucket = new TokenBucket(this.#parts.config.perMinute, timers.monotonicMs());
    const lane: Lane = {
      config,
      bucket,
      sink: openSink(config, timers.now),
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

  async #drain(lane: Lane): Promise<void> {
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
    { config: { name, kind }, sink }: Lane,
    { seq, outgoing, attempts, queuedAtMs }: Waiting,
  ): Promise<void> {
    const { config, log, metrics, sender, timers, unit = Math.random } = this.#parts;
    const from = { ...sender(), build: buildVersion(), host: hostname() };
    const tooLong = new AbortController();
    const limit = timers.after(attemptMsMax, () => tooLong.abort());
    const attempt = await sink.send(outgoing, from, AbortSignal.any([tooLong.signal, this.#stopping.signal]));
    timers.cancel(limit);
    if (this.#stopping.signal.aborted && attempt.kind !== 'delivered') return;
    const nowMs = timers.now();
    metrics.alertDeliveries.inc({ sink: kind, outcome: attempt.kind });
    if (attempt.kind === 'delivered') return this.#outbox.delivered(seq);
    const overdue = nowMs - queuedAtMs >= config.giveUpHours * hourMs;
    if (attempt.kind === 'refused' || overdue) {
      this.#outbox.bury(seq, attempt.why, nowMs);
      log.error(
        { sink: name, alert: outgoing.alert.id, attempts: attempts + 1, why: attempt.why },
        'alert not delivered',
      );
      return;
    }
    this.#outbox.later(seq, nowMs + Math.max(1, attempt.afterMs ?? fullJitterMs(backoff, attempts, unit())));
    if (attempts === 0)
      log.warn({ sink: name, alert: outgoing.alert.id, why: attempt.why }, 'alert waits for its sink');
  }
}

type Waiting = NonNullable<ReturnType<AlertOutbox['due']>>;
