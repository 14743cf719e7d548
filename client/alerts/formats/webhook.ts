import type { Sender } from '../../../base/delivery/outgoing.ts';
import { familyOf } from '../family.ts';
import type { OutgoingAlert } from '../outgoing-alert.ts';

/** What a webhook gets: the alert as it stands in the alert file, and who says so. */
export function webhookBody({ item: alert, repeats }: OutgoingAlert, { federation, cluster }: Sender): string {
  return JSON.stringify({ format: 'testudo/alert/1', federation, cluster, family: familyOf(alert), repeats, alert });
}
