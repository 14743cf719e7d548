import { Gauge, type Registry } from 'prom-client';

/** Who leads, and how far this process has come in the journal. */
export type Leading = Readonly<{ isLeader: boolean; epoch: number; entry: number }>;

/** Tells a coordinator that leads from one that stands by: the same series of both, so that one is held beside the other. */
export function leadingMetrics(registry: Registry, leading: () => Leading): void {
  const registers = [registry];
  new Gauge({
    name: 'testudo_coordinator_leads',
    help: '1 while this process is the coordinator that leads, 0 while it stands by.',
    registers,
    collect() {
      this.set(leading().isLeader ? 1 : 0);
    },
  });
  new Gauge({
    name: 'testudo_coordinator_epoch',
    help: 'The fencing epoch of the coordinator that leads, as this process knows it. It rises with every start and takeover.',
    registers,
    collect() {
      this.set(leading().epoch);
    },
  });
  new Gauge({
    name: 'testudo_journal_entry',
    help: "The journal's last durable entry; of a standby the last one that it has read, checked and folded.",
    registers,
    collect() {
      this.set(leading().entry);
    },
  });
}
