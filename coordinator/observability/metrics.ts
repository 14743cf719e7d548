import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { AbandonReason, PhaseKind } from '../round/phase.ts';

const secondsFast = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const secondsSlow = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43_200];

/**
 * What Prometheus reads. Labels come from closed unions: methods, fault codes, phases; ids stay in logs and the journal.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #calls: Histogram<'method' | 'code'>;
  readonly #accepted: Counter;
  readonly #refused: Counter<'code'>;
  readonly #bytes: Counter<'direction'>;
  readonly #phase: Histogram<'phase'>;
  readonly #ended: Counter<'outcome' | 'reason'>;
  readonly #aggregation: Histogram;
  readonly #fsync: Histogram;
  readonly #queueLag: Gauge;
  readonly #alertDeliveries: Counter<'sink' | 'outcome'>;
  readonly #connectionsRefused: Counter<'listener' | 'why'>;
  readonly #handshakesRefused: Counter<'listener' | 'why'>;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#calls = new Histogram({
      name: 'testudo_call_seconds',
      help: 'Calls served, by method and by outcome: OK or the code of the fault.',
      labelNames: ['method', 'code'],
      buckets: secondsFast,
      registers,
    });
    this.#accepted = new Counter({
      name: 'testudo_updates_accepted_total',
      help: 'Updates with a receipt.',
      registers,
    });
    this.#refused = new Counter({
      name: 'testudo_updates_refused_total',
      help: 'Updates refused, by the code of the fault.',
      labelNames: ['code'],
      registers,
    });
    this.#bytes = new Counter({
      name: 'testudo_payload_bytes_total',
      help: 'Bytes of sealed updates taken in, and of models given out.',
      labelNames: ['direction'],
      registers,
    });
    this.#phase = new Histogram({
      name: 'testudo_round_phase_seconds',
      help: 'How long rounds stayed in each phase.',
      labelNames: ['phase'],
      buckets: secondsSlow,
      registers,
    });
    this.#ended = new Counter({
      name: 'testudo_rounds_ended_total',
      help: 'Rounds that ended: as a candidate, or abandoned for a reason. Alert on abandoned.',
      labelNames: ['outcome', 'reason'],
      registers,
    });
    this.#aggregation = new Histogram({
      name: 'testudo_aggregation_seconds',
      help: 'From the close of a round to its candidate.',
      buckets: secondsSlow,
      registers,
    });
    this.#fsync = new Histogram({
      name: 'testudo_journal_fsync_seconds',
      help: 'One synced write of the journal.',
      buckets: secondsFast,
      registers,
    });
    this.#queueLag = new Gauge({
      name: 'testudo_queue_lag_seconds',
      help: 'How late the last due round was opened.',
      registers,
    });
    this.#alertDeliveries = new Counter({
      name: 'testudo_alert_deliveries_total',
      help: 'Attempts to tell sinks what wants attention, by the kind of sink: delivered, later or refused.',
      labelNames: ['sink', 'outcome'],
      registers,
    });
    this.#handshakesRefused = new Counter({
      name: 'testudo_handshakes_refused_total',
      help: 'TLS handshakes that came to nothing, by listener and cause.',
      labelNames: ['listener', 'why'],
      registers,
    });
    this.#connectionsRefused = new Counter({
      name: 'testudo_connections_refused_total',
      help: 'Connections refused or ended for want of room: by address or peer, full, evicted for a newer one, silent.',
      labelNames: ['listener', 'why'],
      registers,
    });
  }

  alertAttempted(sink: string, outcome: string): void {
    this.#alertDeliveries.inc({ sink, outcome });
  }

  handshakeRefused(listener: string, why: string): void {
    this.#handshakesRefused.inc({ listener, why });
  }

  /** `openCounts` is asked at each reading. */
  connections(openCounts: () => Readonly<Record<string, number>>): void {
    new Gauge({
      name: 'testudo_connections',
      help: 'Connections that are open, by listener.',
      labelNames: ['listener'],
      registers: [this.registry],
      collect() {
        for (const [listener, count] of Object.entries(openCounts())) this.set({ listener }, count);
      },
    });
  }

  connectionRefused(listener: string, why: string): void {
    this.#connectionsRefused.inc({ listener, why });
  }

  call(method: string, code: string, seconds: number): void {
    this.#calls.observe({ method, code }, seconds);
  }

  updateAccepted(): void {
    this.#accepted.inc();
  }

  updateRefused(code: string): void {
    this.#refused.inc({ code });
  }

  payloadBytes(direction: 'in' | 'out', bytes: number): void {
    this.#bytes.inc({ direction }, bytes);
  }

  phaseEnded(phase: PhaseKind, seconds: number): void {
    this.#phase.observe({ phase }, seconds);
  }

  /** `reason`: of an abandoned round; empty of a candidate. */
  roundEnded(outcome: 'candidate' | 'abandoned', reason: AbandonReason | ''): void {
    this.#ended.inc({ outcome, reason });
  }

  aggregated(seconds: number): void {
    this.#aggregation.observe(seconds);
  }

  journalSynced(seconds: number): void {
    this.#fsync.observe(seconds);
  }

  roundOpenedLate(seconds: number): void {
    this.#queueLag.set(seconds);
  }
}
