import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';

/** What lies in the queue: canonical JSON, and HMAC-SHA-256 (RFC 2104) of it, base64. */
export type Authenticated = Readonly<{ body: string; mac: string }>;

/**
 * What a MAC is for, so that none stands in for another: a job, a tile of one, a request to be
 * warm, or the outcome of the one job that has this MAC. Redis is
 * anybody's who can reach it; the key lies in the vault, which a worker opens anyway.
 */
export type Purpose = Readonly<
  { kind: 'job' } | { kind: 'tile' } | { kind: 'warm' } | { kind: 'outcome'; ofJob: string }
>;

export function authenticate(key: Uint8Array, purpose: Purpose, value: unknown): Authenticated {
  const body = canonicalJson(value as JsonValue);
  return { body, mac: macOf(key, purpose, body).toString('base64') };
}

/** The value, as it was authenticated for this purpose under this key; undefined for anything else whatever. */
export function authenticated(key: Uint8Array, purpose: Purpose, found: unknown): unknown {
  if (typeof found !== 'object' || found === null) return undefined;
  const { body, mac } = found as Partial<Authenticated>;
  if (typeof body !== 'string' || typeof mac !== 'string') return undefined;
  const [given, expected] = [Buffer.from(mac, 'base64'), macOf(key, purpose, body)];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(body);
}

function macOf(key: Uint8Array, purpose: Purpose, body: string): Buffer {
  const about = canonicalJson(['testudo/queue/1', purpose]);
  return createHmac('sha256', key).update(`${about}\n`).update(body).digest();
}
