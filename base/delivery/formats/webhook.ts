import { createHmac } from 'node:crypto';

/**
 * Proves who sent a body, and when: HMAC-SHA-256 over `timestamp.body`, so that an old one cannot be sent again later.
 * `atSeconds`: since the epoch.
 */
export function webhookSignature(secret: Uint8Array, atSeconds: number, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex')}`;
}
