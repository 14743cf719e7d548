import { randomBytes } from 'node:crypto';
import type { KeyStore } from './key-store.ts';

/** Under it jobs and their outcomes are authenticated while they lie in a queue. 32 bytes. */
const queueKeyName = 'queue-mac';

/** The federation's queue key; undefined before its coordinator has made one. */
export function queueKey(keyStore: KeyStore): Promise<Uint8Array | undefined> {
  return keyStore.get(queueKeyName);
}

/** The same, made where there is none: for the coordinator, whose data directory nobody else writes to. */
export async function ensureQueueKey(keyStore: KeyStore): Promise<Uint8Array> {
  const known = await queueKey(keyStore);
  if (known !== undefined) return known;
  const key = randomBytes(32);
  await keyStore.put(queueKeyName, key);
  return key;
}
