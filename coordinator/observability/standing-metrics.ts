import { Gauge, type Registry } from 'prom-client';
import type { EpochMs } from '../../base/time.ts';
import { openRoundOf, type State } from '../ledger/state/state.ts';

/** What is read when Prometheus asks. */
export type StandingReads = Readonly<{
  state: () => State;
  /** Bytes that uploads and models may still take, beside the reserve. */
  freeBytes: () => Promise<number>;
  /** Clusters that listen for rounds now. */
  connected: () => number;
  /** Workers that take aggregations; null where nobody can say now, undefined where there are none to be. */
  workers: () => Promise<number | null> | undefined;
  clock: () => EpochMs;
}>;

/** How things stand, rather than what happened: room, members who are here, rounds that run, how old models are. */
export function standingMetrics(
  registry: Registry,
  { state, freeBytes, connected, workers, clock }: StandingReads,
): void {
  const registers = [registry];
  new Gauge({
    name: 'testudo_free_bytes',
    help: 'Bytes that uploads and models may still take in the data directory, beside the reserve. Alert on 0.',
    registers,
    async collect() {
      this.set(await freeBytes());
    },
  });
  new Gauge({
    name: 'testudo_clusters_connected',
    help: 'Clusters that listen for rounds now.',
    registers,
    collect() {
      this.set(connected());
    },
  });
  new Gauge({
    name: 'testudo_clusters_enrolled',
    help: 'Members of the federation, those in quarantine too.',
    registers,
    collect() {
      this.set([...state().clusters.values()].filter(({ status }) => status === 'enrolled').length);
    },
  });
  new Gauge({
    name: 'testudo_rounds_open',
    help: 'Rounds that have not ended, over all tracks.',
    registers,
    collect() {
      this.set([...state().tracks.values()].filter((track) => openRoundOf(track) !== undefined).length);
    },
  });
  new Gauge({
    name: 'testudo_candidate_age_seconds',
    help: 'How old the newest model is, of the track that has waited longest for one.',
    registers,
    collect() {
      const newest = [...state().tracks.values()].map(({ models }) => models.at(-1)?.createdAtMs ?? clock());
      this.set(Math.max(0, ...newest.map((createdAtMs) => (clock() - createdAtMs) / 1000)));
    },
  });
  new Gauge({
    name: 'testudo_workers',
    help: 'Workers that take aggregations from Redis. Absent without Redis, and while it does not answer.',
    registers,
    async collect() {
      this.reset();
      const count = (await workers()) ?? null;
      if (count === null) this.remove();
      else this.set(count);
    },
  });
}
