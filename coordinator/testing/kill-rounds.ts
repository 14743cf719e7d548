import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { openEntry, type StoredEntry } from '../ledger/journal/entry.ts';
import { SqliteFile } from '../ledger/journal/sqlite-file.ts';
import { foldEntry } from '../ledger/state/fold.ts';
import { emptyState } from '../ledger/state/mutable-state.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import type { ReceiptData } from '../rounds/update-desk.ts';
import { clusters, track } from './small-federation.ts';

export type ProcessEnd = Readonly<{
  /** The code with which its engine stopped by itself. */
  halted: string | undefined;
  receipts: readonly ReceiptData[];
  killed: boolean;
  exitCode: number | null;
  /** From the start of the process, and from the opening of its first round, to the end of that round. */
  startToEndMs: number;
  openToEndMs: number;
}>;

export type Kill = Readonly<{
  failpoint?: string;
  /** Kills it from outside, unless it ends before: so long after its start … */
  afterStartMs?: number;
  /** … or after it said that it opens a round. */
  afterOpeningMs?: number;
  /** Called for each receipt; may kill. */
  receipted?: (receipt: ReceiptData, kill: () => void) => void;
  /** Called for each line that it says. */
  heard?: (line: object) => void;
  env?: Readonly<Record<string, string>>;
}>;

/** Runs round-process.ts in `folder` to its end. */
export function runRounds(folder: string, rounds: number, kill: Kill = {}): Promise<ProcessEnd> {
  return startRounds(folder, rounds, kill).ended;
}

/** As `runRounds`, for who does something to the process meanwhile. */
export function startRounds(
  folder: string,
  rounds: number,
  kill: Kill = {},
): Readonly<{ child: RoundsProcess; ended: Promise<ProcessEnd> }> {
  const program = fileURLToPath(new URL('./round-process.ts', import.meta.url));
  const args = [program, folder, String(rounds), ...(kill.failpoint === undefined ? [] : [kill.failpoint])];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TESTUDO_TEST_CHILD: '1', ...kill.env },
  });
  return { child, ended: toItsEnd(child, kill) };
}

type RoundsProcess = ChildProcessByStdio<Writable, Readable, null>;

async function toItsEnd(
  child: RoundsProcess,
  { afterStartMs, afterOpeningMs, receipted, heard }: Kill,
): Promise<ProcessEnd> {
  const killAfter = (ms: number | undefined) =>
    ms === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), ms);
  const startedMs = performance.now();
  let openedMs = startedMs;
  let endedMs = startedMs;
  const timers = [killAfter(afterStartMs)];
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const receipts: ReceiptData[] = [];
  let halted: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const said = line.endsWith('}') ? JSON.parse(line) : {}; // A kill may cut the last line.
    heard?.(said);
    if (said.receipt !== undefined) {
      receipts.push(said.receipt);
      receipted?.(said.receipt, () => child.kill('SIGKILL'));
    }
    if (said.opening === 1) {
      openedMs = performance.now();
      timers.push(killAfter(afterOpeningMs));
    }
    if (said.halted !== undefined) halted = said.halted;
    if (said.ended !== undefined) endedMs = performance.now();
  }
  const [exitCode, signal] = await exit;
  for (const timer of timers) clearTimeout(timer);
  const times = { startToEndMs: endedMs - startedMs, openToEndMs: endedMs - openedMs };
  return { halted, receipts, killed: signal === 'SIGKILL', exitCode, ...times };
}

/** The track as the journal in `folder` tells it, read from the disk by another reader than the coordinator. */
export function readTrack(folder: string): Track {
  const db = new Database(join(folder, 'data', 'journal.sqlite'), { readonly: true });
  const rows = db.prepare('SELECT seq, epoch, body, chain FROM entries ORDER BY seq').all() as StoredEntry[];
  db.close();
  const state = emptyState();
  for (const row of rows) foldEntry(state, openEntry(row));
  return state.tracks.get(track) as Track;
}

const hasModel = ({ phase }: Round) => phase.kind === 'candidate';

/** Everything that must hold after any kill; empty when it does. `receipts`: all that clients ever got. */
export function findBroken(folder: string, receipts: readonly ReceiptData[], candidates: readonly string[]): string[] {
  const broken: string[] = [];
  const verified = SqliteFile.verify(join(folder, 'data', 'journal.sqlite'));
  if (!verified.ok) broken.push(verified.fault.message);
  const known = readTrack(folder);
  // A round that was given up is told below; what follows it starts from another model than in the undisturbed run.
  const rounds = [...known.rounds.values()];
  const firstGivenUp = rounds.findIndex(({ phase }) => phase.kind === 'abandoned');
  const comparable =
    firstGivenUp < 0 ? undefined : known.models.length - rounds.slice(firstGivenUp).filter(hasModel).length;
  const models = known.models.slice(0, comparable).map(({ digest }) => digest);
  const expected = candidates.slice(0, models.length);
  if (models.join() !== expected.join()) broken.push(`candidates ${models} differ from the undisturbed ${expected}`);
  for (const { round, phase, sequences, keyDestroyedAtMs, pending } of known.rounds.values()) {
    if (phase.kind !== 'candidate') {
      broken.push(`${round} ended as ${phase.kind}${phase.kind === 'abandoned' ? `: ${phase.reason}` : ''}`);
      continue;
    }
    const counted = phase.accepted.map(({ cluster }) => cluster).sort();
    if (counted.join() !== [...clusters].join()) broken.push(`${round} counted ${counted}`);
    if (new Set(sequences).size !== counted.length) broken.push(`${round} counted an entry twice`);
    if (keyDestroyedAtMs === null || pending.length > 0) broken.push(`${round} still has ${pending} to do`);
    if (existsSync(join(folder, 'data', 'keys', `round.${track}.${round}`))) broken.push(`${round} left its key`);
  }
  for (const { round, cluster, payloadDigest, sequence, acceptedAtMs } of receipts) {
    const phase = known.rounds.get(round)?.phase;
    const accepted = phase !== undefined && 'accepted' in phase ? [...phase.accepted] : [];
    const index = accepted.findIndex((update) => update.cluster === cluster);
    const kept =
      accepted[index]?.payloadDigest === payloadDigest &&
      accepted[index]?.acceptedAtMs === acceptedAtMs &&
      known.rounds.get(round)?.sequences.at(index) === sequence;
    if (!kept) broken.push(`the receipt of ${cluster} in ${round} is not what the journal has`);
  }
  return broken;
}
