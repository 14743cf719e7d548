type Rule = Readonly<{
  alert: string;
  expr: string;
  /** How long it must hold. */
  for?: string;
  severity: 'warning' | 'critical';
  summary: string;
}>;

/** A query over the sinks of clients, and the same over those of the coordinator. */
function ofAnySinks(query: (metric: string) => string): string {
  return ['testudo_client_alert_deliveries_total', 'testudo_alert_deliveries_total'].map(query).join(' or ');
}

/** What docs/operations.md, docs/client.md, docs/alerts.md and docs/sensor.md call worth an alarm. */
const alarms: readonly Rule[] = [
  {
    alert: 'TestudoNotReady',
    expr: 'kube_pod_status_ready{condition="true", pod=~".*testudo.*-client-0"} == 0',
    for: '10m',
    severity: 'critical',
    summary: '{{ $labels.pod }} has not been ready for ten minutes: its /readyz says why.',
  },
  {
    // A standby is not ready either: it is enough that one is.
    alert: 'TestudoNoLeader',
    expr: 'max by (namespace) (kube_pod_status_ready{condition="true", pod=~".*testudo.*-coordinator-[0-9]+"}) == 0',
    for: '5m',
    severity: 'critical',
    summary: 'No coordinator in {{ $labels.namespace }} has been ready for five minutes: their /readyz say why.',
  },
  {
    alert: 'TestudoStandbyBehind',
    expr:
      'max by (namespace) (testudo_journal_entry) - min by (namespace) (testudo_journal_entry) > 1000 ' +
      'and count by (namespace) (testudo_journal_entry) > 1',
    for: '5m',
    severity: 'warning',
    summary: 'The standby in {{ $labels.namespace }} does not keep up with its leader: a takeover would take long.',
  },
  {
    alert: 'TestudoRoundAbandoned',
    expr: 'increase(testudo_rounds_ended_total{outcome="abandoned"}[1h]) > 0',
    severity: 'warning',
    summary: 'A round was abandoned ({{ $labels.reason }}): docs/operations.md says what to do.',
  },
  {
    alert: 'TestudoIdentityMisused',
    expr: 'increase(testudo_updates_refused_total{code=~"UPDATE_CONFLICT|PAYLOAD_REUSED"}[1h]) > 0',
    severity: 'critical',
    summary: "{{ $labels.code }}: somebody uses a cluster's identity; testudo audit list names it.",
  },
  {
    alert: 'TestudoJournalSlow',
    expr: 'histogram_quantile(0.99, sum by (le, namespace) (rate(testudo_journal_fsync_seconds_bucket[15m]))) > 0.25',
    for: '15m',
    severity: 'warning',
    summary: 'One in a hundred synced writes of the journal takes longer than a quarter of a second.',
  },
  {
    alert: 'TestudoDiskFilling',
    expr:
      'kubelet_volume_stats_available_bytes{persistentvolumeclaim=~"data-.*testudo.*"} / ' +
      'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim=~"data-.*testudo.*"} < 0.1',
    for: '5m',
    severity: 'critical',
    summary: '{{ $labels.persistentvolumeclaim }} has less than a tenth of its space left.',
  },
  {
    alert: 'TestudoDiskFull',
    expr: 'testudo_free_bytes == 0',
    severity: 'critical',
    summary: 'The coordinator takes no updates: its data directory has no space left beside the reserve.',
  },
  {
    alert: 'TestudoRootOrPinsExpire',
    expr: 'testudo_release_metadata_expiring > 0',
    severity: 'warning',
    summary: 'The {{ $labels.role }} metadata expires soon: people must sign it anew, or agents install nothing.',
  },
  {
    alert: 'TestudoAgentMetadataExpires',
    expr: 'testudo_agent_metadata_expiry_seconds - time() < 43200 and testudo_agent_metadata_expiry_seconds > 0',
    for: '5m',
    severity: 'warning',
    summary: "A cluster's release metadata ends within twelve hours: it hears nothing new from its coordinator.",
  },
  {
    alert: 'TestudoAgentRefuses',
    expr: 'increase(testudo_agent_refusals_total[1h]) > 0',
    severity: 'warning',
    summary: 'An agent refused metadata, a file or a model: {{ $labels.code }}.',
  },
  {
    alert: 'TestudoSourceBlind',
    expr: 'testudo_client_sources_blind > 0',
    for: '15m',
    severity: 'critical',
    summary: 'The source {{ $labels.source }} sees nothing usable ({{ $labels.state }}): the cluster is not watched.',
  },
  {
    alert: 'TestudoAlertsRefused',
    expr: ofAnySinks((metric) => `increase(${metric}{outcome="refused"}[1h]) > 0`),
    severity: 'critical',
    summary:
      'A sink ({{ $labels.sink }}) refused alerts, which are not sent again: docs/alerts.md says what its settings must be.',
  },
  {
    alert: 'TestudoAlertsStuck',
    expr: ofAnySinks(
      (metric) =>
        `(increase(${metric}{outcome="later"}[30m]) > 0 unless ignoring (outcome) ` +
        `increase(${metric}{outcome="delivered"}[30m]) > 0)`,
    ),
    for: '10m',
    severity: 'warning',
    summary: 'No alert has reached any sink ({{ $labels.sink }}) for half an hour; they wait.',
  },
  {
    alert: 'TestudoSensorLosesAlerts',
    expr: 'increase(testudo_sensor_spool_dropped_total{class="alert"}[1h]) > 0',
    severity: 'critical',
    summary: 'A sensor gave up alerts before its hub had them: its spool is too small for how long the hub was away.',
  },
  {
    alert: 'TestudoSensorLooksAtLess',
    expr: 'testudo_sensor_step{step="dangerous"} > 0',
    for: '30m',
    severity: 'warning',
    summary: 'For half an hour a sensor has looked at dangerous calls alone: its budget is too small for the node.',
  },
];

/** Metrics of others that alarms read: the kubelet's, and kube-state-metrics'. */
export const foreignMetrics: ReadonlySet<string> = new Set([
  'kube_pod_status_ready',
  'kubelet_volume_stats_available_bytes',
  'kubelet_volume_stats_capacity_bytes',
]);

/** The spec of a PrometheusRule. */
export function rules(): Readonly<{ groups: readonly { name: string; rules: readonly { expr: string }[] }[] }> {
  return {
    groups: [
      {
        name: 'testudo',
        rules: alarms.map(({ alert, expr, for: lasting, severity, summary }) => ({
          alert,
          expr,
          ...(lasting === undefined ? {} : { for: lasting }),
          labels: { severity },
          annotations: { summary },
        })),
      },
    ],
  };
}
