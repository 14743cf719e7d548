import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** One client's metrics. Labels come from closed sets: tracks, verdicts, fault codes, source kinds. */
export type ClientMetrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers });
  return {
    registry,
    connected: gauge('testudo_client_connected', '1 while directives arrive from a coordinator'),
    disconnects: counter('testudo_client_disconnects_total', 'Watch streams that ended', ['code']),
    certificateExpiry: gauge('testudo_client_certificate_expiry_seconds', 'When the certificate ends, Unix time'),
    clockAhead: gauge(
      'testudo_client_clock_ahead_seconds',
      "This machine's clock minus the coordinator's, once above 300",
    ),
    invitations: counter('testudo_client_invitations_total', 'Invitations to rounds', ['track']),
    receipts: counter('testudo_client_receipts_total', 'Updates with a verified receipt', ['track']),
    refusals: counter('testudo_client_refusals_total', 'Refused attempts', ['track', 'verdict', 'code']),
    sentBytes: counter('testudo_client_sent_bytes_total', 'Sealed bytes handed to the network', ['track']),
    trainingSeconds: new Histogram({
      name: 'testudo_client_training_seconds',
      help: 'Local training of one round',
      labelNames: ['track'],
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900],
      registers,
    }),
    trainingSteps: counter('testudo_client_training_steps_total', 'Training steps done', ['track']),
    trainingPauses: counter('testudo_client_training_pauses_total', 'Times training was paused', ['because']),
    privacyEpsilon: gauge('testudo_client_privacy_epsilon', 'Epsilon spent at the configured delta', ['track']),
    privacyExampleEpsilon: gauge(
      'testudo_client_privacy_example_epsilon',
      'Epsilon spent at the configured delta, for one example as what is protected',
      ['track'],
    ),
    bufferExamples: gauge('testudo_client_buffer_examples', 'Examples in the buffer', ['track', 'part']),
    bufferFaults: counter('testudo_client_buffer_faults_total', 'Examples that could not be stored or read', ['code']),
    sourceItems: counter('testudo_client_source_items_total', 'What the sources read', ['source', 'outcome']),
    sourceLostFiles: counter('testudo_client_source_lost_files_total', 'Files gone before they were read', ['source']),
    sourceLostBytes: counter(
      'testudo_client_source_lost_bytes_total',
      'Bytes gone before they were read, as far as they are known',
      ['source'],
    ),
    sourcesBlind: gauge('testudo_client_sources_blind', 'Sources that see nothing usable, by why', ['source', 'state']),
    observations: counter('testudo_client_observations_total', 'What was made of the sources’ events', ['track']),
    scored: counter('testudo_client_scores_total', 'Places scored: traces, edges of a graph', ['track']),
    drifting: gauge('testudo_client_drifting_workloads', 'Workloads whose normal has moved', ['track']),
    regressionMissed: gauge('testudo_client_regression_missed', 'Confirmed intrusions below the threshold', ['track']),
    feedback: counter('testudo_client_feedback_total', 'Feedback applied', ['track', 'verdict']),
    alerts: counter('testudo_client_alerts_total', 'Alerts raised', ['track']),
    alertDeliveries: counter('testudo_client_alert_deliveries_total', 'Attempts to deliver alerts to sinks', [
      'sink',
      'outcome',
    ]),
    intrusionLabels: counter(
      'testudo_client_intrusion_labels_total',
      "Other tools' alerts, by whether an alert of ours speaks of the same",
      ['track', 'outcome'],
    ),
    hubSensors: gauge('testudo_hub_sensors', 'Sensors heard within the hour, by what they look at', ['step']),
    hubBatches: counter('testudo_hub_batches_total', 'Batches of sensors taken in'),
    hubRefusals: counter('testudo_hub_refusals_total', 'Calls of sensors refused', ['code']),
    hubItemsRefused: counter(
      'testudo_hub_items_refused_total',
      'Alerts, examples and flows refused of batches taken in',
      [...['what', 'code']],
    ),
    podsKnown: gauge('testudo_client_pods_known', 'Pods of the API server whose containers are known'),
    podsLeftOut: gauge('testudo_client_pods_left_out', 'Pods beyond what is kept in mind'),
    podWatchEnds: counter('testudo_client_pod_watch_ends_total', 'Lists and watches of pods that ended', ['code']),
    agentConnected: gauge('testudo_agent_connected', '1 while release metadata arrives from a coordinator'),
    agentMetadataExpiry: gauge('testudo_agent_metadata_expiry_seconds', 'When the release metadata ends, Unix time'),
    agentLiveVersion: gauge('testudo_agent_live_version', 'The release that scores', ['track']),
    agentShadowVersion: gauge('testudo_agent_shadow_version', 'The release in shadow, -1 for none', ['track']),
    agentPinned: gauge('testudo_agent_pinned', '1 while a pin decides what scores', ['track']),
    agentInstalls: counter('testudo_agent_installs_total', 'Releases that became live', ['track']),
    agentRefusals: counter('testudo_agent_refusals_total', 'Metadata, files and models refused', ['code']),
    agentOverruledPins: counter('testudo_agent_overruled_pins_total', 'Pins that could not be followed', ['track']),
    agentReports: counter('testudo_agent_reports_total', 'Signed reports journalled', ['kind']),
    agentPrepareSeconds: new Histogram({
      name: 'testudo_agent_prepare_seconds',
      help: 'Fetching and verifying a release, and loading it',
      labelNames: ['phase'],
      buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
      registers,
    }),
  };
}
