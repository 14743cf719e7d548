import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roundFailpoints } from '../../base/failpoint.ts';
import type { ReceiptData } from '../../coordinator/rounds/update-desk.ts';
import { findBroken, readTrack, runRounds, startRounds } from '../../coordinator/testing/kill-rounds.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { onDatabase, readOut, stopped } from '../../coordinator/testing/rounds-on-database.ts';

export type RoundsTally = Readonly<{
  kills: number;
  stops: number;
  /** Of those that were stopped, followed and woken: ended by the fence. */
  stale: number;
  rounds: number;
  receipts: number;
  broken: readonly string[];
}>;

/**
 * Whole engines on a database, killed at every named step, then stopped at every named step and woken after another has
 * followed and finished the round. Held to an undisturbed run, as on a data directory.
 */
export async function disturbRounds(repetitions: number, say: (line: string) => void): Promise<RoundsTally> {
  const root = mkdtempSync(join(tmpdir(), 'testudo-cluster-'));
  const server = await PostgresServer.start();
  const tally = { kills: 0, stops: 0, stale: 0, rounds: 0, receipts: 0, broken: [] as string[] };
  try {
    const rounds = 2 * roundFailpoints.length + 3;
    const calm = join(root, 'calm');
    const calmSettings = server.settings({ schema: 'calm', leaseMs: 500 });
    const undisturbed = await runRounds(calm, rounds, { env: onDatabase(calmSettings) });
    const candidates = readTrack(await readOut(calmSettings, calm)).models.map(({ digest }) => digest);
    if (undisturbed.exitCode !== 0) throw new Error(`the undisturbed run ended with ${undisturbed.exitCode}`);
    for (let index = 0; index < repetitions; index++) {
      const folder = join(root, `disturbed-${index}`);
      const settings = server.settings({ schema: `disturbed_${index}`, leaseMs: 500 });
      const env = onDatabase(settings);
      const receipts: ReceiptData[] = [];
      for (const failpoint of roundFailpoints) {
        const killed = await runRounds(folder, 1, { failpoint, env });
        if (killed.killed) tally.kills++;
        else tally.broken.push(`${failpoint} was not reached`);
        receipts.push(...killed.receipts);
      }
      for (const failpoint of roundFailpoints) {
        const old = startRounds(folder, 1, { failpoint: `${failpoint} SIGSTOP`, env });
        if (!(await stopped(old.child.pid as number))) tally.broken.push(`${failpoint} was not reached`);
        const successor = await runRounds(folder, 0, { env });
        if (successor.exitCode !== 0) tally.broken.push(`${failpoint}: the successor ended with ${successor.exitCode}`);
        old.child.kill('SIGCONT');
        const ended = await old.ended;
        tally.stops++;
        if (ended.halted === 'EPOCH_STALE') tally.stale++;
        else tally.broken.push(`${failpoint}: the one that was followed ended with ${ended.halted ?? ended.exitCode}`);
        receipts.push(...successor.receipts, ...ended.receipts);
        say(`${tally.kills} kills, ${tally.stops} stops, ${tally.broken.length} broken`);
      }
      const last = await runRounds(folder, 1, { env });
      receipts.push(...last.receipts);
      const copy = await readOut(settings, folder);
      tally.broken.push(...findBroken(copy, receipts, candidates));
      tally.rounds += readTrack(copy).roundCount;
      tally.receipts += receipts.length;
    }
  } finally {
    await server.remove();
    rmSync(root, { recursive: true, force: true });
  }
  return tally;
}
