import { otlpLogs, texts, whole } from '../../../base/delivery/formats/otlp.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { EpochMs } from '../../../base/time.ts';
import { familyOf } from '../family.ts';
import type { OutgoingAlert } from '../outgoing-alert.ts';

/** The body of POST /v1/logs. */
export function otlpBody({ item: alert, repeats }: OutgoingAlert, sender: Sender, nowMs: EpochMs): string {
  const { namespace, workload, pod } = alert.subject;
  const family = familyOf(alert);
  const attributes = [
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
    whole('testudo.model.version', alert.modelVersion),
    whole('testudo.repeats', repeats),
  ];
  const severity = family === 'unusual' ? 'warn' : 'error';
  const record = {
    eventName: 'testudo.alert',
    atMs: Date.parse(alert.at),
    severity,
    text: alert.text,
    attributes,
  } as const;
  return otlpLogs(record, sender, nowMs);
}
