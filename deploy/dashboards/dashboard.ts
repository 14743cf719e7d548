import { type Metric, metricsOfRoles } from './metric-names.ts';

type Panel = Readonly<Record<string, unknown>>;

const columns = 3;
const width = 24 / columns;
const height = 7;

/** A Grafana dashboard with a panel for every metric of ours, a row for each family, in the order of their names. */
export function dashboard(): object {
  const { coordinator, client, sensor, agent } = metricsOfRoles();
  const agents = client.filter(({ name }) => name.startsWith('testudo_agent_'));
  const rows: readonly [string, readonly Metric[]][] = [
    ['Coordinator', coordinator],
    ['Clients', client.filter((metric) => !agents.includes(metric))],
    ['Release agents', agents],
    ['Sensors', sensor],
    ['Response agents', agent],
  ];
  const panels: Panel[] = [];
  let y = 0;
  for (const [title, metrics] of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y, w: 24, h: 1 } });
    y += 1;
    for (const [at, metric] of metrics.entries()) {
      const gridPos = { x: (at % columns) * width, y: y + Math.floor(at / columns) * height, w: width, h: height };
      panels.push({ id: panels.length + 1, gridPos, ...panelOf(metric) });
    }
    y += Math.ceil(metrics.length / columns) * height;
  }
  return {
    uid: 'testudo',
    title: 'Testudo',
    tags: ['testudo'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
        {
          name: 'namespace',
          type: 'query',
          label: 'Namespace',
          datasource: { type: 'prometheus', uid: '$datasource' },
          query: 'label_values({__name__=~"testudo_.+"}, namespace)',
          includeAll: true,
          multi: true,
        },
      ],
    },
    panels,
  };
}

function panelOf({ name, help, kind, labels }: Metric): Panel {
  return {
    type: 'timeseries',
    title: name.replace(/^testudo_/, ''),
    description: help,
    datasource: { type: 'prometheus', uid: '$datasource' },
    fieldConfig: { defaults: { unit: unitOf(name, kind), ...(!isSigned(name) && { min: 0 }) }, overrides: [] },
    targets: isSigned(name)
      ? [
          { refId: 'A', expr: queryOf(name, kind, labels), legendFormat: 'highest' },
          { refId: 'B', expr: queryOf(name, kind, labels, 'min'), legendFormat: 'lowest' },
        ]
      : [{ refId: 'A', expr: queryOf(name, kind, labels), legendFormat: legendOf(labels) }],
  };
}

/** Of a difference the lowest says as much as the highest: a clock that is behind. */
function isSigned(name: string): boolean {
  return /_ahead_/.test(name);
}

/** A counter as what is added a second, a histogram as what 99 of 100 stay below, a gauge as it is. */
function queryOf(
  name: string,
  kind: Metric['kind'],
  labels: readonly string[],
  extreme: 'max' | 'min' = 'max',
): string {
  const of = '{namespace=~"$namespace"}';
  const by = labels.join(', ');
  if (kind === 'counter') return `sum by (${by}) (rate(${name}${of}[$__rate_interval]))`;
  if (kind === 'gauge') return `${extreme} by (${by}) (${name}${of})`;
  const buckets = `sum by (${['le', ...labels].join(', ')}) (rate(${name}_bucket${of}[$__rate_interval]))`;
  return `histogram_quantile(0.99, ${buckets})`;
}

function legendOf(labels: readonly string[]): string {
  return labels.map((label) => `{{${label}}}`).join(' ');
}

function unitOf(name: string, kind: Metric['kind']): string {
  if (/_expir(?:y|es)_/.test(name)) return 'dateTimeAsIso';
  if (name.endsWith('_seconds')) return 's';
  if (name.includes('bytes')) return kind === 'counter' ? 'Bps' : 'bytes';
  return kind === 'counter' ? 'cps' : 'short';
}
