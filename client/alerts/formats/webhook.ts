import { createHmac } from 'node:crypto';
import { familyOf } from '../family.ts';
import type { Outgoing, Sender } from '../outgoing.ts';

/** What a webhook gets: the alert as it stands in the alert file, and who says so. */
export function webhookBody({ alert, repeats }: Outgoing, { federation, cluster }: Sender): string {
  return JSON.stringify({ format: 'testudo/alert/1', federation, cluster, family: familyOf(alert), repeats, alert });
}

/**
 * Proves who sent a body, and when: HMAC-SHA-256 over `timestamp.body`, so that an old one cannot be sent again later.
 * `atSeconds`: since the epoch.
 */
export function webhookSignature(secret: Uint8Array, atSeconds: number, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex')}`;
}
