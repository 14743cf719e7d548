import type { Log } from '../../base/log.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { State } from '../ledger/state/state.ts';
import type { PhaseKind } from '../round/phase.ts';
import type { Metrics } from './metrics.ts';
import type { RoundTraces } from './round-traces.ts';

type Seen = Readonly<{ phase: PhaseKind; sinceMs: number; scheduledAtMs: number }>;

/** Turns journal entries, as they become durable, into metrics and log lines about rounds. */
export class RoundObserver {
  readonly #state: () => State;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #traces: RoundTraces;
  readonly #seen = new Map<string, Seen>();

  constructor(state: () => State, metrics: Metrics, traces: RoundTraces, log: Log) {
    this.#state = state;
    this.#metrics = metrics;
    this.#traces = traces;
    this.#log = log;
  }

  observe({ event, atMs, seq }: JournalEntry): void {
    if (event.kind === 'roundScheduled') {
      const { track, round, dueAtMs } = event;
      this.#metrics.roundOpenedLate(Math.max(0, atMs - dueAtMs) / 1000);
      this.#seen.set(`${track}/${round}`, { phase: 'scheduled', sinceMs: atMs, scheduledAtMs: atMs });
      return;
    }
    if (event.kind !== 'roundStepped') return;
    const { track, round } = event;
    const key = `${track}/${round}`;
    const phase = this.#state().tracks.get(track)?.rounds.get(round)?.phase;
    const before = this.#seen.get(key);
    if (phase === undefined || phase.kind === before?.phase) return;
    if (before !== undefined) {
      const seconds = (atMs - before.sinceMs) / 1000;
      this.#metrics.phaseEnded(before.phase, seconds);
      if (before.phase === 'aggregating' && phase.kind === 'candidate') this.#metrics.aggregated(seconds);
    }
    const scheduledAtMs = before?.scheduledAtMs ?? atMs;
    if (phase.kind === 'candidate' || phase.kind === 'abandoned') {
      const model = phase.kind === 'candidate' ? phase.candidate.digest : '';
      this.#metrics.roundEnded(phase.kind, phase.kind === 'abandoned' ? phase.reason : '');
      this.#traces.roundEnded(key, { fromMs: scheduledAtMs, untilMs: atMs, outcome: phase.kind, model });
      this.#seen.delete(key);
    } else {
      this.#seen.set(key, { phase: phase.kind, sinceMs: atMs, scheduledAtMs });
    }
    this.#log.info(
      {
        track,
        round,
        phase: phase.kind,
        sequence: seq,
        ...('cohort' in phase ? { cohortCount: phase.cohort.length } : {}),
        ...('accepted' in phase ? { acceptedCount: phase.accepted.length } : {}),
        ...(phase.kind === 'abandoned' ? { reason: phase.reason, detail: phase.detail } : {}),
        ...(phase.kind === 'candidate' ? { version: phase.candidate.version, digest: phase.candidate.digest } : {}),
      },
      'round moved',
    );
  }
}
