import { afterAll, beforeAll, expect, it } from 'vitest';
import { ShiftedTimers } from '../../../base/testing/shifted-timers.ts';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { ObjectStore, rclone } from '../../testing/object-store.ts';
import { contractOnBucket } from '../../testing/s3-contract.ts';
import { storeFaults } from '../../testing/s3-faults.ts';
import { openBucket } from './probe.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await ObjectStore.start(rclone(rclonePath()));
});
afterAll(() => store.remove());

contractOnBucket('a bucket of a careless store', () => store);
storeFaults('a careless store', () => store);

it('a careless store is found to be one', async () => {
  const { checksBytes, keepsFirst, isVersioned } = await store.open('habits');
  expect({ checksBytes, keepsFirst, isVersioned }).toEqual({
    checksBytes: false,
    keepsFirst: false,
    isVersioned: false,
  });
});

it('a store whose clock is another than ours is refused by name', async () => {
  const refused = await openBucket(store.settings('clock'), new ShiftedTimers(20 * 60_000));
  expect(refused).toMatchObject({ ok: false, fault: { code: 'BLOB_CLOCK' } });
  expect((await openBucket(store.settings('clock'), new ShiftedTimers(-10 * 60_000))).ok).toBe(true);
});
