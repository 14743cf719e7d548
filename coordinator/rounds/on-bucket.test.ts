import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { rclonePath } from '../../tools/testing/stores/rclone.mjs';
import { findBroken, readTrack, runRounds, startRounds } from '../testing/kill-rounds.ts';
import { ObjectStore, rclone } from '../testing/object-store.ts';
import { PostgresServer } from '../testing/postgres-server.ts';
import { onBucket } from '../testing/rounds-on-bucket.ts';
import { onDatabase, readOut, stopped } from '../testing/rounds-on-database.ts';
import { tempDir } from '../testing/temp-dir.ts';

let database: PostgresServer;
let store: ObjectStore;
beforeAll(async () => {
  [database, store] = await Promise.all([PostgresServer.start(), ObjectStore.start(rclone(rclonePath()))]);
});
afterAll(() => Promise.all([database.remove(), store.remove()]));

it('coordinators on machines of their own, killed at a commit and woken after they were followed, lose no receipted bytes', async () => {
  let folder = tempDir();
  const settings = database.settings({ schema: 'rounds', leaseMs: 500 });
  const env = { ...onDatabase(settings), ...onBucket(store.settings('rounds')) };
  /** Another machine has nothing of what lies on this one's disk. Clients keep what they had sealed. */
  const otherMachine = () => {
    const outbox = join(folder, 'outbox');
    folder = tempDir();
    cpSync(outbox, join(folder, 'outbox'), { recursive: true });
  };
  const killed = await runRounds(folder, 1, { failpoint: 'update-journalled', env });
  expect(killed.killed).toBe(true);
  otherMachine();

  // Stopped with the bytes of an update in both places and its commit still to be sent.
  const stale = startRounds(folder, 1, { failpoint: 'update-stored SIGSTOP', env });
  onTestFinished(() => void stale.child.kill('SIGKILL'));
  expect(await stopped(stale.child.pid as number)).toBe(true);
  otherMachine();
  const successor = await runRounds(folder, 1, { env });
  expect(successor.exitCode).toBe(0);
  stale.child.kill('SIGCONT');
  expect(await stale.ended).toMatchObject({ halted: 'EPOCH_STALE', exitCode: 3 });

  const copy = await readOut(settings, folder);
  const candidates = readTrack(copy).models.map(({ digest }) => digest);
  expect(candidates).toHaveLength(4); // The first model, the round of each of the three.
  const receipts = [killed, await stale.ended, successor].flatMap((one) => one.receipts);
  expect(receipts.length).toBeGreaterThanOrEqual(10);
  expect(findBroken(copy, receipts, candidates)).toEqual([]);
  const { bucket } = await store.open('rounds');
  onTestFinished(() => bucket.close());
  for (const digest of [...candidates, ...receipts.map(({ payloadDigest }) => payloadDigest)]) {
    expect(unwrap(await bucket.head(digest)), digest).toBeDefined();
  }
});
