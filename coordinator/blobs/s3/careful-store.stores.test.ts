import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensureVersitygw } from '../../../tools/testing/stores/build.mjs';
import { ObjectStore, versitygw } from '../../testing/object-store.ts';
import { contractOnBucket } from '../../testing/s3-contract.ts';
import { storeFaults } from '../../testing/s3-faults.ts';

let store: ObjectStore;
beforeAll(async () => {
  store = await ObjectStore.start(versitygw(await ensureVersitygw()));
}, 3_600_000);
afterAll(() => store.remove());

contractOnBucket('a bucket of a careful store', () => store);
storeFaults('a careful store', () => store);

it('a careful store is found to be one', async () => {
  const { checksBytes, keepsFirst } = await store.open('habits');
  expect({ checksBytes, keepsFirst }).toEqual({ checksBytes: true, keepsFirst: true });
});
