import { describe, expect, it } from 'vitest';
import { MemoryKeyStore } from './memory-key-store.ts';
import { ensureQueueKey, queueKey } from './queue-key.ts';

describe('ensureQueueKey', () => {
  it('gives two coordinators that make it at once the same key, and later ones too', async () => {
    const store = new MemoryKeyStore();
    const [one, other] = await Promise.all([ensureQueueKey(store), ensureQueueKey(store)]);
    expect(one).toHaveLength(32);
    for (const key of [other, await ensureQueueKey(store), await queueKey(store)]) {
      expect(Buffer.from(key ?? [])).toEqual(Buffer.from(one));
    }
  });
});
