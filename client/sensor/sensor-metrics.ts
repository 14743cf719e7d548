import { Counter, Gauge, type Registry } from 'prom-client';
import { type Step, steps } from './budget.ts';
import type { Gate } from './gate.ts';
import type { Spool } from './spool.ts';

export type Measured = Readonly<{
  gate: Gate;
  spool: Spool;
  step(): Step;
  connected(): boolean;
  cores(): number;
}>;

/** A sensor's own metrics, read when they are scraped. Labels come from closed sets: steps and classes of records. */
export function sensorMetrics(registry: Registry, { gate, spool, step, connected, cores }: Measured) {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const count = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  new Gauge({
    name: 'testudo_sensor_step',
    help: '1 for what the sensor looks at under its budget, 0 for the others',
    labelNames: ['step'],
    registers,
    collect() {
      for (const one of steps) this.set({ step: one }, one === step() ? 1 : 0);
    },
  });
  new Counter({
    name: 'testudo_sensor_spool_dropped_total',
    help: 'Records that were given up before the hub had them',
    labelNames: ['class'],
    registers,
    collect() {
      const { ordinaryDropped, alertsDropped } = spool.counts();
      this.reset();
      this.inc({ class: 'ordinary' }, ordinaryDropped);
      this.inc({ class: 'alert' }, alertsDropped);
    },
  });
  count('testudo_sensor_calls_total', 'System calls that were read', () => gate.calls);
  count('testudo_sensor_unseen_calls_total', 'Of those, calls that were not looked at', () => gate.unseen);
  gauge('testudo_sensor_spool_bytes', 'Bytes that wait for the hub', () => spool.counts().bytes);
  gauge('testudo_sensor_connected', '1 while the hub takes what it is told', () => (connected() ? 1 : 0));
  gauge('testudo_sensor_cores', 'Cores’ worth of CPU time, lately', cores);
  gauge('testudo_sensor_rss_bytes', 'Resident memory', () => process.memoryUsage.rss());
  return {
    sentBytes: new Counter({ name: 'testudo_sensor_sent_bytes_total', help: 'Bytes that the hub took', registers }),
    refusals: new Counter({
      name: 'testudo_sensor_refused_records_total',
      help: 'Records that the hub will never take',
      labelNames: ['class'],
      registers,
    }),
  };
}
