import { syslogMessage } from '../../../base/delivery/formats/syslog.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import { familyOf } from '../family.ts';
import type { OutgoingAlert } from '../outgoing-alert.ts';

/** Of severities 0 to 7: an alert is "alert: action must be taken" to nobody's pager, so 4, a warning, and 2 for a known attack. */
const [warning, critical] = [4, 2];

export function alertMessage({ item: alert, repeats }: OutgoingAlert, sender: Sender, facility: number): string {
  const family = familyOf(alert);
  const { namespace, workload, pod } = alert.subject;
  const fields = {
    ...{ id: alert.id, federation: sender.federation, cluster: sender.cluster, track: alert.track, family, repeats },
    ...{ namespace, workload, pod, score: alert.score, threshold: alert.threshold, model: alert.modelVersion },
  };
  const severity = family === 'unusual' ? warning : critical;
  return syslogMessage({
    facility,
    severity,
    at: alert.at,
    host: sender.host,
    kind: 'alert',
    fields,
    text: alert.text,
  });
}
