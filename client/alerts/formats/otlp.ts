import type { EpochMs } from '../../../base/time.ts';
import { familyOf } from '../family.ts';
import type { Outgoing, Sender } from '../outgoing.ts';

type Value = Readonly<{ stringValue: string } | { doubleValue: number } | { intValue: string }>;
type Attribute = Readonly<{ key: string; value: Value }>;

const [warn, error] = [
  { severityNumber: 13, severityText: 'WARN' },
  { severityNumber: 17, severityText: 'ERROR' },
] as const;

/** The body of POST /v1/logs: an ExportLogsServiceRequest in JSON (OTLP 1.x): 64-bit numbers are texts there. */
export function otlpBody({ alert, repeats }: Outgoing, sender: Sender, nowMs: EpochMs): string {
  const { namespace, workload, pod } = alert.subject;
  const family = familyOf(alert);
  const resource = texts({
    'service.name': 'testudo',
    'service.version': sender.build,
    'host.name': sender.host,
    'testudo.federation': sender.federation,
    'k8s.cluster.name': sender.cluster,
  });
  const attributes: Attribute[] = [
    ...texts({
      'testudo.alert.id': alert.id,
      'testudo.track': alert.track,
      'testudo.family': family,
      'k8s.namespace.name': namespace,
      'k8s.workload.name': workload,
      'k8s.pod.name': pod,
    }),
    { key: 'testudo.score', value: { doubleValue: alert.score } },
    { key: 'testudo.threshold', value: { doubleValue: alert.threshold } },
    { key: 'testudo.model.version', value: { intValue: String(alert.modelVersion) } },
    { key: 'testudo.repeats', value: { intValue: String(repeats) } },
  ];
  const record = {
    timeUnixNano: nanoseconds(Date.parse(alert.at)),
    observedTimeUnixNano: nanoseconds(nowMs),
    ...(family === 'unusual' ? warn : error),
    eventName: 'testudo.alert',
    body: { stringValue: alert.text },
    attributes,
  };
  const scopeLogs = [{ scope: { name: 'testudo.alerts' }, logRecords: [record] }];
  return JSON.stringify({ resourceLogs: [{ resource: { attributes: resource }, scopeLogs }] });
}

/** How many records a collector said that it did not keep, of the body of its answer. */
export function rejectedByCollector(body: string): number {
  try {
    const { partialSuccess } = JSON.parse(body) as { partialSuccess?: { rejectedLogRecords?: string | number } };
    return Number(partialSuccess?.rejectedLogRecords ?? 0);
  } catch {
    return 0; // Some answer with nothing at all.
  }
}

function texts(values: Readonly<Record<string, string>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === '' ? [] : [{ key, value: { stringValue: value } }],
  );
}

function nanoseconds(ms: EpochMs): string {
  return `${Math.round(ms)}000000`;
}
