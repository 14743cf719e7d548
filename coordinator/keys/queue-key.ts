import { randomBytes } from 'node:crypto';
import type { KeyStore } from './key-store.ts';

/** Under it jobs and their outcomes are authenticated while they lie in a queue. 32 bytes. */
const queueKeyName = 'queue-mac';

/** The federation's queue key; undefined before its coordinator has made one. */
export function queueKey(keyStore: KeyStore): Promise<Uint8Array | undefined> {
  return keyStore.get(queueKeyName);
}

/** The same, made where there is none. Of two coordinators that make it at once, both have the one that was first. */
export async function ensureQueueKey(keyStore: KeyStore): Promise<Uint8Array> {
  const known = await queueKey(keyStore);
  if (known !== undefined) return known;
  const key = randomBytes(32);
  if (await keyStore.add(queueKeyName, key)) return key;
  return (await queueKey(keyStore)) as Uint8Array;
}
