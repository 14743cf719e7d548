import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roundFailpoints } from '../../base/failpoint.ts';
import type { PostgresSettings } from '../../coordinator/postgres/connection.ts';
import type { ReceiptData } from '../../coordinator/rounds/update-desk.ts';
import { findBroken, readTrack, runRounds } from '../../coordinator/testing/kill-rounds.ts';
import { PostgresServer } from '../../coordinator/testing/postgres-server.ts';
import { onDatabase, readOut, stopped } from '../../coordinator/testing/rounds-on-database.ts';
import { StandingCoordinator } from '../../coordinator/testing/standing-coordinator.ts';

/** How a coordinator is put out: dead, or woken once another leads. */
const ways = ['SIGKILL', 'SIGSTOP'] as const;
type Way = (typeof ways)[number];

/**
 * Of one named step: how often each was done there, and of the slowest how long it took to be noticed, to become the writer
 * after that, and both together.
 */
export type StepTally = Readonly<
  Record<Way, number> & { stale: number; noticedMax: number; followedMax: number; secondsMax: number }
>;

export type Takeovers = Readonly<{
  byStep: Readonly<Record<string, StepTally>>;
  rounds: number;
  receipts: number;
  broken: readonly string[];
}>;

/** As an installation has it that sets none. */
const leaseMs = 4_000;
/** One that is stopped must find the fence when it wakes, and not that its database was away for too long. */
const outageMs = 600_000;

/**
 * Coordinators on a database and a shared folder of bytes, each with a standby beside it that reads along: put out at every named
 * step in both ways, and followed. The time counts from the moment at which it was out to that at which the other's first entry
 * is durable. Two chains at once, one for each way: most of a takeover is waiting.
 */
export async function takeOver(): Promise<Takeovers> {
  const root = mkdtempSync(join(tmpdir(), 'testudo-cluster-'));
  const server = await PostgresServer.start();
  try {
    const calm = join(root, 'calm');
    const calmSettings = server.settings({ schema: 'calm', leaseMs, outageMs });
    const undisturbed = await runRounds(calm, roundFailpoints.length + 1, { env: onDatabase(calmSettings) });
    const candidates = readTrack(await readOut(calmSettings, calm)).models.map(({ digest }) => digest);
    if (undisturbed.exitCode !== 0) throw new Error(`the undisturbed run ended with ${undisturbed.exitCode}`);
    const chains = await Promise.all(
      ways.map((way) => {
        const settings = server.settings({ schema: way.toLowerCase(), leaseMs, outageMs });
        return chainOf(way, join(root, way), settings, candidates);
      }),
    );
    return chains.reduce(joined);
  } finally {
    await server.remove();
    rmSync(root, { recursive: true, force: true });
  }
}

/** Each leads once, is put out at its step, and is followed by the next. */
async function chainOf(
  way: Way,
  folder: string,
  settings: PostgresSettings,
  candidates: readonly string[],
): Promise<Takeovers> {
  const env = onDatabase(settings);
  const receipts: ReceiptData[] = [];
  const broken: string[] = [];
  const byStep: Record<string, StepTally> = {};
  const steps = roundFailpoints.map((name) => (way === 'SIGKILL' ? name : `${name} ${way}`));
  let leader = new StandingCoordinator(folder, env, steps[0]);
  await leader.said('leads');
  for (const [index, step] of roundFailpoints.entries()) {
    const next = new StandingCoordinator(folder, env, steps[index + 1]);
    if (!(await next.said('follows'))) broken.push(`${step}: the standby ended with ${await next.why()}`);
    leader.openRound();
    const isOut = way === 'SIGKILL' ? (await leader.ended).killed : await stopped(leader.pid);
    const outMs = performance.now();
    if (!isOut) broken.push(`${step} was not reached: ${await leader.why()}`);
    const secondsOut = () => (performance.now() - outMs) / 1_000;
    await next.said('free');
    const noticedMax = secondsOut();
    if (!(await next.said('leads'))) broken.push(`${step}: the standby ended with ${await next.why()}`);
    const secondsMax = secondsOut();
    const times = { noticedMax, followedMax: secondsMax - noticedMax, secondsMax };
    let stale = 0;
    if (way === 'SIGSTOP') {
      await next.said('idle'); // What was left open is done by the one that leads now; then the other wakes.
      leader.wake();
      const why = await leader.why();
      if (why === 'EPOCH_STALE') stale = 1;
      else broken.push(`${step}: the one that was followed ended with ${why}`);
    }
    receipts.push(...(await leader.ended).receipts);
    byStep[step] = { SIGKILL: 0, SIGSTOP: 0, [way]: 1, stale, ...times };
    leader = next;
  }
  leader.openRound();
  receipts.push(...(await leader.ended).receipts);
  const copy = await readOut(settings, folder);
  broken.push(...findBroken(copy, receipts, candidates));
  return { byStep, rounds: readTrack(copy).roundCount, receipts: receipts.length, broken };
}

export function joined(one: Takeovers, other: Takeovers): Takeovers {
  const byStep: Record<string, StepTally> = { ...one.byStep };
  for (const [step, tally] of Object.entries(other.byStep)) {
    const before = byStep[step];
    byStep[step] =
      before === undefined
        ? tally
        : {
            SIGKILL: before.SIGKILL + tally.SIGKILL,
            SIGSTOP: before.SIGSTOP + tally.SIGSTOP,
            stale: before.stale + tally.stale,
            noticedMax: Math.max(before.noticedMax, tally.noticedMax),
            followedMax: Math.max(before.followedMax, tally.followedMax),
            secondsMax: Math.max(before.secondsMax, tally.secondsMax),
          };
  }
  return {
    byStep,
    rounds: one.rounds + other.rounds,
    receipts: one.receipts + other.receipts,
    broken: [...one.broken, ...other.broken],
  };
}
