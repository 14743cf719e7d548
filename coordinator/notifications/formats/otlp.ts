import { otlpLogs, texts, whole } from '../../../base/delivery/formats/otlp.ts';
import type { Sender } from '../../../base/delivery/outgoing.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { OutgoingNotification } from '../notification.ts';

const severities = { notice: 'info', warning: 'warn', critical: 'error' } as const;

/** The body of POST /v1/logs. */
export function otlpBody({ item, repeats }: OutgoingNotification, sender: Sender, nowMs: EpochMs): string {
  const { id, at, state, code, severity, track, cluster, about, text, next } = item;
  const attributes = [
    ...texts({
      ...{ 'testudo.alert.id': id, 'testudo.state': state, 'testudo.code': code, 'testudo.track': track },
      ...{ 'testudo.cluster': cluster, 'testudo.about': about, 'testudo.next': next },
    }),
    whole('testudo.repeats', repeats),
  ];
  const ofSeverity = state === 'over' ? 'info' : severities[severity];
  const eventName = 'testudo.notification';
  return otlpLogs({ eventName, atMs: Date.parse(at), severity: ofSeverity, text, attributes }, sender, nowMs);
}
