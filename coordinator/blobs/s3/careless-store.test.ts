import { afterAll, beforeAll, expect, it } from 'vitest';
import { rclonePath } from '../../../tools/testing/stores/rclone.mjs';
import { ObjectStore, rclone } from '../../testing/object-store.ts';
import { contractOnBucket } from '../../testing/s3-contract.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await ObjectStore.start(rclone(rclonePath()));
});
afterAll(() => store.remove());

contractOnBucket('a bucket of a careless store', () => store);

it('a careless store is found to be one', async () => {
  const { checksBytes, keepsFirst, isVersioned } = await store.open('habits');
  expect({ checksBytes, keepsFirst, isVersioned }).toEqual({
    checksBytes: false,
    keepsFirst: false,
    isVersioned: false,
  });
});
