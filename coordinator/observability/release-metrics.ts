import { Counter, Gauge, type Registry } from 'prom-client';
import type { EpochMs } from '../../base/time.ts';
import type { GateDecision, InstallOutcome } from '../ledger/journal/events.ts';
import type { State } from '../ledger/state/state.ts';
import { expiringSoon } from '../registry/signing/expiry-watch.ts';

/** Where an agent stands: on the version that stable points at, or on one before or after it. */
type Standing = 'stable' | 'behind' | 'ahead';

/** What Prometheus reads of releases. Labels come from closed unions; operators' own channels are "other". */
export class ReleaseMetrics {
  readonly #released: Counter;
  readonly #revoked: Counter;
  readonly #moves: Counter<'channel'>;
  readonly #gates: Counter<'decision'>;
  readonly #acknowledged: Counter<'outcome'>;

  /**
   * Both are read when Prometheus asks. streams: how many agents listen. warnWithinMs: how long before root or pins
   * expire `expiring` says so, by `clock`.
   */
  constructor(
    registry: Registry,
    state: () => State,
    streams: () => number,
    warnWithinMs: number,
    clock: () => EpochMs,
  ) {
    const registers = [registry];
    this.#released = new Counter({
      name: 'testudo_releases_total',
      help: 'Releases published or imported.',
      registers,
    });
    this.#revoked = new Counter({ name: 'testudo_releases_revoked_total', help: 'Releases revoked.', registers });
    this.#moves = new Counter({
      name: 'testudo_channel_moves_total',
      help: 'Channels moved to another version: stable, canary, or other.',
      labelNames: ['channel'],
      registers,
    });
    this.#gates = new Counter({
      name: 'testudo_gate_decisions_total',
      help: 'Versions that the gate, or an operator in its place, promoted, held or rejected.',
      labelNames: ['decision'],
      registers,
    });
    this.#acknowledged = new Counter({
      name: 'testudo_release_acknowledgements_total',
      help: 'What agents said became of releases. Alert on refused.',
      labelNames: ['outcome'],
      registers,
    });
    new Gauge<'role'>({
      name: 'testudo_release_metadata_expires_timestamp_seconds',
      help: 'When signed metadata of each role expires, seconds since the epoch. Agents install nothing new after it.',
      labelNames: ['role'],
      registers,
      collect() {
        const { set, roots, pins } = state().metadata;
        const refs = { root: roots.at(-1), pins, timestamp: set?.timestamp, catalogue: set?.catalogue };
        for (const [role, ref] of Object.entries(refs)) {
          if (ref !== undefined && ref !== null) this.set({ role }, ref.expiresAtMs / 1000);
        }
      },
    });
    new Gauge<'role'>({
      name: 'testudo_release_metadata_expiring',
      help: '1 when root or pins, which only people can renew, expire soon or have expired. Alert on it.',
      labelNames: ['role'],
      registers,
      collect() {
        const soon = expiringSoon(state().metadata, clock(), warnWithinMs);
        for (const role of ['root', 'pins'] as const) {
          this.set({ role }, soon.some((expiring) => expiring.role === role) ? 1 : 0);
        }
      },
    });
    new Gauge<'standing'>({
      name: 'testudo_release_agents',
      help: 'Enrolled clusters on every track, by whether their agent runs the stable version.',
      labelNames: ['standing'],
      registers,
      collect() {
        const counts: Record<Standing, number> = { stable: 0, behind: 0, ahead: 0 };
        const { agents, clusters, tracks } = state();
        for (const { cluster, track, liveVersion } of agents.values()) {
          const stable = tracks.get(track)?.releasing.channels.stable?.version;
          if (liveVersion === null || stable === undefined || clusters.get(cluster)?.status !== 'enrolled') continue;
          counts[liveVersion === stable ? 'stable' : liveVersion < stable ? 'behind' : 'ahead'] += 1;
        }
        for (const [standing, count] of Object.entries(counts)) this.set({ standing: standing as Standing }, count);
      },
    });
    new Gauge({
      name: 'testudo_release_streams',
      help: 'Agents that listen for releases now.',
      registers,
      collect() {
        this.set(streams());
      },
    });
  }

  released(): void {
    this.#released.inc();
  }

  revoked(): void {
    this.#revoked.inc();
  }

  channelMoved(channel: string): void {
    this.#moves.inc({ channel: channel === 'stable' || channel === 'canary' ? channel : 'other' });
  }

  gateDecided(decision: GateDecision): void {
    this.#gates.inc({ decision });
  }

  acknowledged(outcome: InstallOutcome): void {
    this.#acknowledged.inc({ outcome });
  }
}
