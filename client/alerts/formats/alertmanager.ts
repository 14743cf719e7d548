import type { EpochMs } from '../../../base/time.ts';
import { familyOf } from '../family.ts';
import type { Outgoing, Sender } from '../outgoing.ts';

/** An alert is one event: Alertmanager shows it so long, unless the same comes again. */
const shownMs = 3_600_000;

/** The body of POST /api/v2/alerts. Labels tell groups apart, so ids and scores are annotations. */
export function alertmanagerBody({ alert, repeats }: Outgoing, sender: Sender, nowMs: EpochMs): string {
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
  const endsAt = new Date(Math.max(nowMs, Date.parse(alert.at)) + shownMs).toISOString();
  return JSON.stringify([{ labels: withoutEmpty(labels), annotations, startsAt: alert.at, endsAt }]);
}

/** Alertmanager takes an empty label for none. */
function withoutEmpty(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
}
