import { alertmanagerAlerts } from '../../../base/delivery/formats/alertmanager.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { EpochMs } from '../../../base/time.ts';
import { familyOf } from '../family.ts';
import type { OutgoingAlert } from '../outgoing-alert.ts';

/** An alert is one event: Alertmanager shows it so long, unless the same comes again. */
const shownMs = 3_600_000;

/** Labels tell groups apart, so ids and scores are annotations. */
export function alertmanagerBody({ item: alert, repeats }: OutgoingAlert, sender: Sender, nowMs: EpochMs): string {
  const { namespace, workload, pod } = alert.subject;
  const family = familyOf(alert);
  const labels = {
    ...{ alertname: 'TestudoAlert', federation: sender.federation, testudo_cluster: sender.cluster },
    ...{ track: alert.track, family, namespace, workload, pod },
    severity: family === 'unusual' ? 'warning' : 'critical',
  };
  const annotations = {
    summary: alert.text.split('\n', 1)[0] ?? '',
    description: alert.text,
    alert_id: alert.id,
    score: String(alert.score),
    threshold: String(alert.threshold),
    repeats: String(repeats),
  };
  const endsAtMs = Math.max(nowMs, Date.parse(alert.at)) + shownMs;
  return alertmanagerAlerts([{ labels, annotations, startsAt: alert.at, endsAtMs }]);
}
