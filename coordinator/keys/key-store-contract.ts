import { describe, expect, it } from 'vitest';
import type { KeyStore } from './key-store.ts';

const secret = Buffer.from('0123456789abcdef0123456789abcdef');

/** What every key store promises, wherever secrets rest. */
export function keyStoreContract(name: string, newStore: () => Promise<KeyStore>): void {
  describe(`${name} as a key store`, () => {
    it('gives back what was put last under a name, and undefined where nothing was', async () => {
      const store = await newStore();
      expect(await store.get('round.syscall.r-1')).toBeUndefined();
      await store.put('round.syscall.r-1', Buffer.from('an earlier one'));
      await store.put('round.syscall.r-1', secret);
      await store.put('round.syscall.r-2', Buffer.from('another'));
      expect(Buffer.from((await store.get('round.syscall.r-1')) ?? [])).toEqual(secret);
    });

    it('adds where there is nothing, and tells one of many who do so at once that it did', async () => {
      const store = await newStore();
      const secrets = Array.from({ length: 8 }, (_, at) => Buffer.alloc(32, at + 1));
      const added = await Promise.all(secrets.map((one) => store.add('round.syscall.r-3', one)));
      expect(added.filter(Boolean)).toHaveLength(1);
      expect(Buffer.from((await store.get('round.syscall.r-3')) ?? [])).toEqual(secrets[added.indexOf(true)]);
      expect(await store.add('round.syscall.r-3', secret)).toBe(false);
      await Promise.all(secrets.map((one) => store.put('round.syscall.r-4', one)));
      expect(await store.get('round.syscall.r-4')).toHaveLength(32);
    });

    it('takes and gives copies: whoever wipes his own leaves the store its secret', async () => {
      const store = await newStore();
      const mine = Buffer.from(secret);
      await store.put('key', mine);
      mine.fill(0);
      (await store.get('key'))?.fill(0);
      expect(Buffer.from((await store.get('key')) ?? [])).toEqual(secret);
    });

    it('gives what shares no memory with anything else: a thread that is sent it is sent no other secret along', async () => {
      const store = await newStore();
      await store.put('key', secret);
      expect((await store.get('key'))?.buffer.byteLength).toBe(secret.byteLength);
    });

    it('tells which of many names have a key', async () => {
      const store = await newStore();
      expect(await store.present(['one', 'two'])).toEqual([]);
      await store.put('one', secret);
      await store.put('three', secret);
      expect(await store.present(['one', 'two'])).toEqual(['one']);
      expect((await store.present(['three', 'two', 'one'])).toSorted()).toEqual(['one', 'three']);
      expect(await store.present([])).toEqual([]);
    });

    it('destroys one key for good, and again without complaint', async () => {
      const store = await newStore();
      await store.put('gone', secret);
      await store.put('stays', secret);
      await store.destroy('gone');
      await store.destroy('gone');
      expect(await store.get('gone')).toBeUndefined();
      expect(Buffer.from((await store.get('stays')) ?? [])).toEqual(secret);
    });

    it('takes no name that could leave the place where keys rest', async () => {
      const store = await newStore();
      for (const illegal of ['../x', 'a/b', '', '.', 'A', 'x'.repeat(201)]) {
        await expect(store.put(illegal, secret)).rejects.toThrow(RangeError);
        await expect(store.add(illegal, secret)).rejects.toThrow(RangeError);
        await expect(store.get(illegal)).rejects.toThrow(RangeError);
        await expect(store.present([illegal])).rejects.toThrow(RangeError);
        await expect(store.destroy(illegal)).rejects.toThrow(RangeError);
      }
    });
  });
}
