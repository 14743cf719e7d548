import type { EpochMs } from '../../time.ts';
import type { Sender } from '../outgoing.ts';

type Value = Readonly<{ stringValue: string } | { doubleValue: number } | { intValue: string }>;
export type Attribute = Readonly<{ key: string; value: Value }>;

const severities = {
  info: { severityNumber: 9, severityText: 'INFO' },
  warn: { severityNumber: 13, severityText: 'WARN' },
  error: { severityNumber: 17, severityText: 'ERROR' },
} as const;

export type LogRecord = Readonly<{
  /** `testudo.` and what kind of record it is. */
  eventName: string;
  atMs: EpochMs;
  severity: keyof typeof severities;
  text: string;
  attributes: readonly Attribute[];
}>;

/** One record as an ExportLogsServiceRequest in JSON (OTLP 1.x): 64-bit numbers are texts there. */
export function otlpLogs(record: LogRecord, sender: Sender, nowMs: EpochMs): string {
  const resource = texts({
    'service.name': 'testudo',
    'service.version': sender.build,
    'host.name': sender.host,
    'testudo.federation': sender.federation,
    'k8s.cluster.name': sender.cluster,
  });
  const logRecord = {
    timeUnixNano: nanoseconds(record.atMs),
    observedTimeUnixNano: nanoseconds(nowMs),
    ...severities[record.severity],
    eventName: record.eventName,
    body: { stringValue: record.text },
    attributes: record.attributes,
  };
  const scopeLogs = [{ scope: { name: 'testudo.alerts' }, logRecords: [logRecord] }];
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

/** Without those that are empty. */
export function texts(values: Readonly<Record<string, string>>): Attribute[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === '' ? [] : [{ key, value: { stringValue: value } }],
  );
}

export function whole(key: string, value: number): Attribute {
  return { key, value: { intValue: String(value) } };
}

function nanoseconds(ms: EpochMs): string {
  return `${Math.round(ms)}000000`;
}
