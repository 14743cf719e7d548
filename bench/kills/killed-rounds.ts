import { rmSync } from 'node:fs';
import path from 'node:path';
import { roundFailpoints } from '../../base/failpoint.ts';
import { seededNumbers, seededRandom, shuffled } from '../../base/random.ts';
import type { ReceiptData } from '../../coordinator/rounds/update-desk.ts';
import { findBroken, readTrack, runRounds } from '../../coordinator/testing/kill-rounds.ts';

/** `broken`: what was not as in the undisturbed run, a line each. */
export type Tally = Readonly<{ kills: number; rounds: number; receipts: number; broken: readonly string[] }>;

/** So many random kills share one data directory. */
export const killsPerFolder = 25;

/** A snapshot is saved when enough has been journalled since the last, the more the longer it is: within so many rounds. */
const roundsUntilPassed = 8;

/** What a process takes for its start and one round on this machine, now: random kills fall within it. */
type Times = Readonly<{ startToEndMs: number; openToEndMs: number }>;

/** Coordinator processes that are killed on data directories below `root`, each held at its end to a run that nobody disturbed. */
export class KilledRounds {
  readonly #root: string;
  /** Digests of the models that nobody disturbed, by version. */
  readonly #candidates: readonly string[];
  readonly #times: Times;

  private constructor(root: string, candidates: readonly string[], times: Times) {
    this.#root = root;
    this.#candidates = candidates;
    this.#times = times;
  }

  /** Runs what the others are held to. Throws where that fails by itself. */
  static async prepare(root: string): Promise<KilledRounds> {
    const folder = path.join(root, 'undisturbed');
    const most = Math.max(roundFailpoints.length + roundsUntilPassed, killsPerFolder);
    const calm = await runRounds(folder, most + 1);
    const candidates = readTrack(folder).models.map(({ digest }) => digest);
    const broken = findBroken(folder, calm.receipts, candidates);
    if (calm.exitCode !== 0 || broken.length > 0) throw new Error(`the undisturbed run failed: ${broken.join('; ')}`);
    const timed = path.join(root, 'timed');
    await runRounds(timed, 1);
    return new KilledRounds(root, candidates, await runRounds(timed, 1));
  }

  /** Every named step once, in an order of this repetition's own. */
  async atEachStep(index: number, seed: number): Promise<Tally> {
    const folder = path.join(this.#root, `steps-${index}`);
    const order = shuffled(roundFailpoints, seededNumbers(`kills ${seed} ${index}`));
    const receipts: ReceiptData[] = [];
    let kills = 0;
    for (const failpoint of order) {
      const ended = await runRounds(folder, roundsUntilPassed, { failpoint });
      if (ended.killed) kills++;
      receipts.push(...ended.receipts);
    }
    const missed = order.length - kills;
    return this.#conclude(folder, kills, receipts, missed === 0 ? [] : [`${missed} failpoints were not reached`]);
  }

  /** Kills from outside, at moments that depend on nothing in the process. */
  async atRandom(index: number, seed: number): Promise<Tally> {
    const folder = path.join(this.#root, `random-${index}`);
    const random = seededRandom(seed * 7_919 + index);
    const receipts: ReceiptData[] = [];
    let kills = 0;
    for (let tries = 0; kills < killsPerFolder && tries < 4 * killsPerFolder; tries++) {
      if (roundsIn(folder) >= this.#candidates.length - 2) break;
      // Three in four within a round; the rest while starting, recovering, or after the end.
      const kill =
        random() < 0.75
          ? { afterOpeningMs: random() * 1.1 * this.#times.openToEndMs }
          : { afterStartMs: random() * 1.2 * this.#times.startToEndMs };
      const ended = await runRounds(folder, 1, kill);
      if (ended.killed) kills++;
      receipts.push(...ended.receipts);
    }
    return this.#conclude(folder, kills, receipts, []);
  }

  /** Starts it a last time, which recovers, and reads the journal out. */
  async #conclude(
    folder: string,
    kills: number,
    receipts: readonly ReceiptData[],
    missed: readonly string[],
  ): Promise<Tally> {
    const last = await runRounds(folder, 1);
    const all = [...receipts, ...last.receipts];
    const ended = last.exitCode === 0 ? [] : [`${folder}: the last start ended with ${last.exitCode}`];
    const broken = [...missed, ...ended, ...findBroken(folder, all, this.#candidates)];
    const rounds = readTrack(folder).roundCount;
    if (broken.length === 0) rmSync(folder, { recursive: true, force: true });
    return { kills, rounds, receipts: all.length, broken };
  }
}

function roundsIn(folder: string): number {
  try {
    return readTrack(folder)?.roundCount ?? 0;
  } catch {
    return 0; // Killed before there was a journal.
  }
}
