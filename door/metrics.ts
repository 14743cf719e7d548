import { Gauge, type Registry } from 'prom-client';

export type DoorStanding = Readonly<{ isLed: boolean; watches: number; journalAgeMs: number }>;

/** How a door stands: to be held beside the leader's own series. */
export function doorMetrics(registry: Registry, standing: () => DoorStanding): void {
  const registers = [registry];
  new Gauge({
    name: 'testudo_door_leader_reached',
    help: '1 while this door reaches a coordinator that leads, 0 while it does not: updates then wait.',
    registers,
    collect() {
      this.set(standing().isLed ? 1 : 0);
    },
  });
  new Gauge({
    name: 'testudo_door_watches',
    help: 'Watch streams of clusters that are open at this door.',
    registers,
    collect() {
      this.set(standing().watches);
    },
  });
  new Gauge({
    name: 'testudo_door_journal_age_seconds',
    help: 'How long ago this door read the journal to its end: so old may be what it knows of members.',
    registers,
    collect() {
      this.set(Math.max(0, standing().journalAgeMs) / 1000);
    },
  });
}
