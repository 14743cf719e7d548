import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { chainOrigin, type StoredEntry, sealEntry } from './entry.ts';
import { draft } from './journal-contract.ts';
import { MemoryMedium, openMemoryStore } from './memory-store.ts';

it('a store in memory refuses as one on disk does: a writer that was superseded, lines and snapshots that do not fit', async () => {
  const medium = new MemoryMedium();
  const { store, epoch, head } = openMemoryStore(medium);
  expect(head).toEqual({ seq: 0, chain: chainOrigin });
  const [entry, row] = sealEntry(chainOrigin, { ...draft(0), seq: 1, epoch });
  const damaged = { ok: false, fault: { code: 'JOURNAL_DAMAGED' } };
  expect(await store.commit('f'.repeat(64), [row])).toMatchObject({
    ...{ ok: false, fault: { code: 'JOURNAL_DAMAGED', message: 'the journal does not end where this writer left it' } },
  });
  expect(medium.rows).toEqual([]);
  unwrap(await store.commit(chainOrigin, [row]));
  expect(await store.commit(chainOrigin, [row])).toMatchObject(damaged);
  const [, next] = sealEntry(entry.chain, { ...draft(1), seq: 2, epoch });
  unwrap(await store.commit(entry.chain, [next]));
  expect(unwrap(await store.verify({ seq: 0, chain: chainOrigin }, 1))).toEqual({ seq: 1, chain: entry.chain });
  const snapshot = { seq: 1, chain: entry.chain, version: 1, body: '{}' };
  for (const foreign of [
    { ...snapshot, seq: 2 },
    { ...snapshot, seq: 7 },
  ]) {
    const refused = await store.saveSnapshot(foreign);
    expect(refused).toMatchObject(damaged);
    expect(!refused.ok && refused.fault.message).toBe(
      `the snapshot of entry ${foreign.seq} belongs to another journal`,
    );
  }
  unwrap(await store.saveSnapshot(snapshot));
  const again = openMemoryStore(medium);
  expect(again).toMatchObject({ epoch: epoch + 1, head: { seq: 2, chain: next.chain } });
  const stale = [await store.commit(next.chain, [] as StoredEntry[]), await store.saveSnapshot(snapshot)];
  expect(stale.map((one) => !one.ok && [one.fault.code, one.fault.message])).toEqual([
    ['EPOCH_STALE', `epoch ${epoch + 1} has opened this journal since; stop this coordinator`],
    ['EPOCH_STALE', 'another coordinator has taken over'],
  ]);
});
