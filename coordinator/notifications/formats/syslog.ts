import { syslogMessage } from '../../../base/delivery/formats/syslog.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { OutgoingNotification } from '../notification.ts';

/** Of RFC 5424: critical 2, warning 4, notice 5; what is over is informational. */
const severities = { critical: 2, warning: 4, notice: 5 } as const;
const informational = 6;

export function notificationMessage({ item, repeats }: OutgoingNotification, sender: Sender, facility: number): string {
  const { id, at, state, code, severity, track, cluster, about, text, next } = item;
  const fields = { id, federation: sender.federation, code, state, severity, track, cluster, about, repeats, next };
  const number = state === 'over' ? informational : severities[severity];
  return syslogMessage({ facility, severity: number, at, host: sender.host, kind: 'notification', fields, text });
}
