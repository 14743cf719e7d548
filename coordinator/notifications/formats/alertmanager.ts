import { alertmanagerAlerts } from '../../../base/delivery/formats/alertmanager.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { EpochMs } from '../../../base/time.ts';
import { remindMs } from '../changes.ts';
import type { OutgoingNotification } from '../notification.ts';

const slackMs = 3_600_000;

/** What stands fires until somewhat after it would be told again; what is over is resolved; what got worse takes its old self's place. */
export function alertmanagerBody({ item, repeats }: OutgoingNotification, sender: Sender, nowMs: EpochMs): string {
  const { state, code, severity, severityBefore, track, cluster, about, text, next, id, since } = item;
  const named = {
    alertname: 'TestudoCoordinator',
    federation: sender.federation,
    code,
    track,
    testudo_cluster: cluster,
    about,
  };
  const annotations = {
    summary: text,
    description: `${text}\nNext: ${next}`,
    next,
    alert_id: id,
    repeats: String(repeats),
  };
  const alert = (ofSeverity: string, endsAtMs: EpochMs) => ({
    labels: { ...named, severity: ofSeverity },
    annotations,
    startsAt: since,
    endsAtMs,
  });
  const now = alert(severity, state === 'over' ? nowMs : nowMs + remindMs + slackMs);
  return alertmanagerAlerts(severityBefore === null ? [now] : [now, alert(severityBefore, nowMs)]);
}
