import { Registry } from 'prom-client';
import { createMetrics } from '../../client/observability/metrics.ts';
import { createAgentMetrics } from '../../client/response/agent-metrics.ts';
import { sensorMetrics } from '../../client/sensor/sensor-metrics.ts';
import { emptyState } from '../../coordinator/ledger/state/mutable-state.ts';
import { leadingMetrics } from '../../coordinator/observability/leading-metrics.ts';
import { Metrics } from '../../coordinator/observability/metrics.ts';
import { ReleaseMetrics } from '../../coordinator/observability/release-metrics.ts';
import { standingMetrics } from '../../coordinator/observability/standing-metrics.ts';
import { doorMetrics } from '../../door/metrics.ts';

export type Metric = Readonly<{
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: readonly string[];
}>;

/** Every metric of ours, as the processes themselves register them, by the role whose page shows it. */
export function metricsOfRoles(): Readonly<Record<'coordinator' | 'client' | 'sensor' | 'agent', readonly Metric[]>> {
  const metrics = new Metrics();
  metrics.connections(() => ({}));
  new ReleaseMetrics(
    metrics.registry,
    emptyState,
    () => 0,
    0,
    () => 0,
  );
  doorMetrics(metrics.registry, () => ({ isLed: true, watches: 0, journalAgeMs: 0 }));
  leadingMetrics(metrics.registry, () => ({ isLeader: true, epoch: 0, entry: 0 }));
  standingMetrics(metrics.registry, {
    state: emptyState,
    freeBytes: async () => 0,
    connected: () => 0,
    workers: () => undefined,
    clock: () => 0,
  });
  const sensor = new Registry();
  sensorMetrics(sensor, {} as Parameters<typeof sensorMetrics>[1]); // Asked for values only when it is scraped.
  return {
    coordinator: ours(metrics.registry),
    client: ours(createMetrics().registry),
    sensor: ours(sensor),
    agent: ours(createAgentMetrics().registry),
  };
}

/** What Node itself tells (`process_*`, `nodejs_*`) has dashboards of its own. */
function ours(registry: Registry): Metric[] {
  // prom-client's types leave out what its metrics hold.
  const all = registry.getMetricsAsArray() as unknown as readonly Readonly<{
    name: string;
    help: string;
    labelNames?: readonly string[];
  }>[];
  return all
    .filter(({ name }) => name.startsWith('testudo_'))
    .map((metric) => ({
      name: metric.name,
      help: metric.help,
      kind: metric.constructor.name.toLowerCase() as Metric['kind'],
      labels: metric.labelNames ?? [],
    }));
}
