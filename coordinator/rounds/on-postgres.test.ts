import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { findBroken, readTrack, runRounds, startRounds } from '../testing/kill-rounds.ts';
import { PostgresServer } from '../testing/postgres-server.ts';
import { onDatabase, readOut, stopped } from '../testing/rounds-on-database.ts';
import { tempDir } from '../testing/temp-dir.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

it('a coordinator that is killed at a commit, and one that wakes up after it was followed, lose and double nothing', async () => {
  const folder = tempDir();
  const settings = server.settings({ schema: 'rounds', leaseMs: 500 });
  const env = onDatabase(settings);
  const killed = await runRounds(folder, 1, { failpoint: 'update-journalled', env });
  expect(killed.killed).toBe(true);

  // Stopped with the bytes of an update stored and its commit still to be sent; a successor shares the folder of bytes.
  const stale = startRounds(folder, 1, { failpoint: 'update-stored SIGSTOP', env });
  onTestFinished(() => void stale.child.kill('SIGKILL'));
  expect(await stopped(stale.child.pid as number)).toBe(true);
  const successor = await runRounds(folder, 1, { env });
  expect(successor.exitCode).toBe(0);
  stale.child.kill('SIGCONT');
  const ended = await stale.ended;
  expect(ended).toMatchObject({ halted: 'EPOCH_STALE', exitCode: 3 });

  const copy = await readOut(settings, folder);
  const candidates = readTrack(copy).models.map(({ digest }) => digest);
  expect(candidates).toHaveLength(4); // The first model, the round of each of the three.
  const receipts = [killed, ended, successor].flatMap((one) => one.receipts);
  expect(receipts.length).toBeGreaterThanOrEqual(10);
  expect(findBroken(copy, receipts, candidates)).toEqual([]);
});
