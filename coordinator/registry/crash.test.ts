import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Failpoint } from '../../base/failpoint.ts';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { anchorTrust } from '../../proto/release/trust.ts';
import { type ReceivedReleases, walkReleases } from '../../proto/release/walk.ts';
import { type JournalEntry, openEntry, type StoredEntry } from '../ledger/journal/entry.ts';
import { SqliteFile } from '../ledger/journal/sqlite-file.ts';
import { foldEntry } from '../ledger/state/fold.ts';
import { emptyState } from '../ledger/state/mutable-state.ts';
import type { Track } from '../ledger/state/state.ts';
import { track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';

type Ended = Readonly<{ sets: readonly ReceivedReleases[]; killed: boolean; exitCode: number | null }>;

async function run(folder: string, rounds: number, failpoint?: Failpoint): Promise<Ended> {
  const program = fileURLToPath(new URL('../testing/release-process.ts', import.meta.url));
  const args = [program, folder, String(rounds), ...(failpoint === undefined ? [] : [failpoint])];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TESTUDO_TEST_CHILD: '1' },
  });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const sets: ReceivedReleases[] = [];
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.endsWith('}')) continue; // A kill may cut the last line.
    const { roots, timestamp, snapshot, catalogue } = JSON.parse(line).set;
    sets.push({
      roots: roots.map(bytes),
      timestamp: bytes(timestamp),
      snapshot: bytes(snapshot),
      catalogue: bytes(catalogue),
      pins: new Uint8Array(0),
    });
  }
  const [exitCode, signal] = await exit;
  return { sets, exitCode, killed: signal === 'SIGKILL' };
}

/** The journal as it lies on the disk, read by another reader than the coordinator. */
function readJournal(folder: string): readonly JournalEntry[] {
  const path = join(folder, 'data', 'journal.sqlite');
  unwrap(SqliteFile.verify(path));
  const db = new Database(path, { readonly: true });
  const rows = db.prepare('SELECT seq, epoch, body, chain FROM entries ORDER BY seq').all() as StoredEntry[];
  db.close();
  return rows.map(openEntry);
}

/** Everything that must hold after any kill; empty when it does. */
function findBroken(folder: string, sets: readonly ReceivedReleases[]): string[] {
  const broken: string[] = [];
  const entries = readJournal(folder);
  const state = emptyState();
  for (const entry of entries) foldEntry(state, entry);
  const { releasing, models } = state.tracks.get(track) as Track;
  const events = entries.map(({ event }) => event);

  // I5: one version, one digest; each model is released once.
  const released = events.flatMap((event) => (event.kind === 'releasePublished' ? [event.manifest.version] : []));
  if (released.join() !== models.map(({ version }) => version).join()) broken.push(`released ${released}`);
  const seen = new Map<string, string>();
  let newest = 0;
  for (const event of events) {
    if (event.kind !== 'releaseSetSigned') continue;
    if (event.timestamp.version <= newest) broken.push(`timestamp ${event.timestamp.version} after ${newest}`);
    newest = event.timestamp.version;
    for (const role of ['catalogue', 'snapshot', 'timestamp'] as const) {
      const { version, digest } = event[role];
      const before = seen.get(`${role} ${version}`);
      if (before !== undefined && before !== digest) broken.push(`${role} ${version} is two documents`);
      seen.set(`${role} ${version}`, digest);
    }
  }
  // Nothing is served that was not journalled first.
  const journalled = new Set(seen.values());
  for (const set of sets) {
    for (const piece of [set.timestamp, set.snapshot, set.catalogue]) {
      if (!journalled.has(digestOf(piece))) broken.push('a piece was served that the journal does not know');
    }
  }
  // The last set says what the journal says, and an agent that got every set in turn accepted each.
  const { set, changedSeq } = state.metadata;
  if (set === null || set.coversSeq < changedSeq) broken.push('the last change is not signed');
  let trust = unwrap(anchorTrust(sets[0]?.roots[0] ?? new Uint8Array(0)));
  let last: unknown;
  for (const received of sets) {
    const { rooted, result } = walkReleases(trust, received, Date.now());
    trust = rooted;
    if (!result.ok) broken.push(result.fault.message);
    else if (result.value !== null) {
      trust = result.value.next;
      last = result.value.catalogue.tracks[track]?.channels.stable?.version;
    }
  }
  const stable = releasing.channels.stable?.version;
  if (stable !== models.length - 1 || last !== stable) broken.push(`stable is ${stable}, agents saw ${last}`);
  const decided = events.flatMap((event) => (event.kind === 'gateDecided' ? [event.version] : []));
  if (new Set(decided).size !== decided.length) broken.push(`the gate decided ${decided}`);
  return broken;
}

describe('a coordinator that is killed while it releases', () => {
  const places: readonly Failpoint[] = [
    'candidate-journalled', // No release yet.
    'release-journalled', // Released, not signed.
    'release-set-stored', // Signed, not journalled.
    'release-set-journalled', // Journalled, not served.
    'gate-decided', // Promoted, not signed.
  ];

  it('goes on where it was, killed at each place in turn: one version, one digest, every set accepted in order', async () => {
    const folder = tempDir();
    const sets: ReceivedReleases[] = [];
    for (const place of places) {
      const killed = await run(folder, 1, place); // Finishes first what the kill before has left.
      expect([place, killed.killed]).toEqual([place, true]);
      sets.push(...killed.sets);
    }
    const last = await run(folder, 1);
    expect(last.exitCode).toBe(0);
    expect(findBroken(folder, [...sets, ...last.sets])).toEqual([]);
  });
});
