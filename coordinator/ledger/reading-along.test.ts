import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { chainOrigin, openEntry, type StoredEntry, sealEntry } from './journal/entry.ts';
import type { JournalEvent } from './journal/events.ts';
import { MemoryMedium } from './journal/memory-store.ts';
import { openMemoryJournal } from './journal/open-journal.ts';
import { Ledger } from './ledger.ts';
import { ReadingAlong } from './reading-along.ts';
import { snapshotVersion, writeSnapshot } from './state/snapshot.ts';

async function linesOfAFederation() {
  const dataDir = tempDir();
  const engine = await openSmallFederation(dataDir);
  const round = unwrap(await engine.openRound(operator, { track, reason: 'test' })).value;
  unwrap(await engine.cancelRound(operator, { track, round, reason: 'test' }));
  await engine.close();
  const db = new Database(join(dataDir, 'journal.sqlite'), { readonly: true });
  const rows = db.prepare('SELECT seq, epoch, body, chain FROM entries ORDER BY seq').all() as StoredEntry[];
  db.close();
  return { rows, state: engine.state() };
}

it('a state that was folded as lines came is the one of who wrote them, and names a line that does not fit', async () => {
  const { rows, state } = await linesOfAFederation();
  const along = new ReadingAlong();
  for (let at = 0; at < rows.length; at += 3) unwrap(along.take(rows.slice(at, at + 3)));
  expect(along.state).toEqual(state);
  expect(state.tracks.get(track)?.rounds.size).toBe(1);
  const again = new ReadingAlong();
  const missing = rows.filter(({ body }) => !body.includes('trackCreated'));
  const gap = rows.findIndex(({ body }) => body.includes('trackCreated')) + 2;
  const message = expect.stringMatching(
    new RegExp(`entry ${gap} does not follow .*Start the build that wrote it, or restore a backup`),
  );
  expect(again.take(missing)).toMatchObject({ fault: { code: 'JOURNAL_DAMAGED', message, fields: { seq: gap } } });
});

it('a ledger goes on from what was folded, and reads what came after it alone', async () => {
  const { rows, state } = await linesOfAFederation();
  const medium = new MemoryMedium();
  medium.rows = rows;
  const along = new ReadingAlong();
  unwrap(along.take(rows.slice(0, -2)));
  const journal = openMemoryJournal(medium, systemTimers);
  const read = vi.spyOn(journal, 'read');
  const ledger = unwrap(await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} }, along.state));
  expect(read.mock.calls.map(([from]) => from)).toEqual([rows.length - 1]);
  expect(ledger.state).toEqual(state);
});

it('an entry of a kind that only a newer build knows is named, and neither starts a ledger nor ends a journal that is read beside one', async () => {
  const { rows } = await linesOfAFederation();
  const last = rows.at(-1) as StoredEntry;
  const event = { kind: 'clusterBanished', cluster: 'eu-1' } as unknown as JournalEvent;
  const content = {
    seq: last.seq + 1,
    epoch: last.epoch,
    atMs: 1,
    actor: { kind: 'coordinator', part: 'start' },
    event,
  };
  const [, newer] = sealEntry(last.chain, content as Parameters<typeof sealEntry>[1]);
  const fault = {
    code: 'JOURNAL_NEWER',
    message: expect.stringMatching(/clusterBanished.*Start the build that wrote it/),
    fields: { seq: newer.seq },
  };
  expect(new ReadingAlong().take([...rows, newer])).toMatchObject({ fault });

  const medium = new MemoryMedium();
  medium.rows = [...rows, newer];
  const journal = openMemoryJournal(medium, systemTimers);
  const opened = await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} });
  expect(opened).toMatchObject({ fault });

  const tolerant = new ReadingAlong({ passesOverNewer: true });
  unwrap(tolerant.take([...rows, newer]));
  expect(tolerant.state.seq).toBe(newer.seq);

  const lost = rewritten(rows, (one) => (one.kind === 'trackCreated' ? { ...one, kind: 'trackMade' } : one));
  const at = rows.findIndex(({ body }) => body.includes('"kind":"trackCreated"')) + 1;
  const message = expect.stringMatching(new RegExp(`does not follow .*, after entry ${at} is of a kind .*trackMade`));
  const beside = new ReadingAlong({ passesOverNewer: true }).take(lost);
  expect(beside).toMatchObject({ fault: { code: 'JOURNAL_NEWER', message } });
});

/** The lines with an event changed as another build would have written it, under a chain that is sound. */
function rewritten(rows: readonly StoredEntry[], change: (event: JournalEvent) => unknown): StoredEntry[] {
  let chain = chainOrigin;
  return rows.map((row) => {
    const { event, ...entry } = openEntry(row);
    const [, line] = sealEntry(chain, { ...entry, event: change(event) as JournalEvent });
    chain = line.chain;
    return line;
  });
}

const other = { kind: 'lion', learningRate: 1 };
const rule = { kind: 'oracle' };
type Written = Readonly<{
  kind: string;
  policy: { aggregation: object; rounds: object };
  rules: object;
  event: object;
}>;

it.each<[string, string, string, (event: Written) => object]>([
  [
    'a setting of a policy',
    'trackCreated',
    'policy.rounds.haste',
    ({ policy }) => ({ policy: { ...policy, rounds: { ...policy.rounds, haste: 1 } } }),
  ],
  [
    'a part of a policy',
    'trackCreated',
    'policy.insurance',
    ({ policy }) => ({ policy: { ...policy, insurance: {} } }),
  ],
  [
    'an aggregation rule',
    'roundScheduled',
    'another policy.aggregation.rule.kind',
    ({ policy }) => ({ policy: { ...policy, aggregation: { ...policy.aggregation, rule } } }),
  ],
  [
    'another value of a setting',
    'trackCreated',
    'another policy.aggregation.admission.zeroUpdate',
    ({ policy }) => {
      const admission = { normMax: 1, zeroUpdate: 'keep' };
      return { policy: { ...policy, aggregation: { ...policy.aggregation, admission } } };
    },
  ],
  [
    'a server optimiser',
    'trackCreated',
    'another policy.optimiser.kind',
    ({ policy }) => ({ policy: { ...policy, optimiser: other } }),
  ],
  ["a rule of a round's", 'roundScheduled', 'rules.hasteMs', ({ rules }) => ({ rules: { ...rules, hasteMs: 5 } })],
  [
    'a step of a round',
    'roundStepped',
    'the step hurried of a round',
    ({ event }) => ({ event: { ...event, kind: 'hurried' } }),
  ],
])(
  '%s that only a newer build knows is named, and nobody leads by what is left without it',
  async (_, kind, named, more) => {
    const { rows } = await linesOfAFederation();
    const newer = rewritten(rows, (event) =>
      event.kind === kind ? { ...event, ...more(event as unknown as Written) } : event,
    );
    const seq = rows.findIndex(({ body }) => body.includes(`"kind":"${kind}"`)) + 1;
    const message = `journal: entry ${seq} has ${named}, which this build does not know. Start the build that wrote it, or a newer one`;
    expect(new ReadingAlong().take(newer)).toMatchObject({ fault: { code: 'JOURNAL_NEWER', message } });
  },
);

it('who reads a journal beside its leader goes on after a setting that it does not know, and says so where lines stop to fit', async () => {
  const { rows } = await linesOfAFederation();
  const hasty = rewritten(rows, (event) =>
    event.kind === 'roundScheduled' ? { ...event, rules: { ...event.rules, hasteMs: 5 } } : event,
  );
  const tolerant = new ReadingAlong({ passesOverNewer: true });
  unwrap(tolerant.take(hasty));
  expect(tolerant.state.seq).toBe(rows.length);
  const at = rows.findIndex(({ body }) => body.includes('"kind":"roundScheduled"')) + 1;
  // The newer build's round goes another way than this one would take it.
  const elsewhere = rewritten(hasty, (event) =>
    event.kind === 'roundStepped' ? { ...event, effects: ['announce', 'invite'] } : event,
  );
  const message = expect.stringMatching(
    new RegExp(`now gives .*, after entry ${at} has rules.hasteMs, .*Start the build that wrote it`),
  );
  const beside = new ReadingAlong({ passesOverNewer: true }).take(elsewhere);
  expect(beside).toMatchObject({ fault: { code: 'JOURNAL_NEWER', message } });
});

it.each<[string, string, JournalEvent['kind'], (event: Written) => object]>([
  ['a policy', 'policy\\.insurance', 'trackCreated', ({ policy }) => ({ policy: { ...policy, insurance: {} } })],
  ['a round', 'rules\\.hasteMs', 'roundScheduled', ({ rules }) => ({ rules: { ...rules, hasteMs: 5 } })],
])(
  'a snapshot with a setting of %s that only a newer build knows starts no ledger, though its entries are not read again',
  async (_, named, kind, more) => {
    const { rows } = await linesOfAFederation();
    const medium = new MemoryMedium();
    medium.rows = rewritten(rows, (event) =>
      event.kind === kind ? { ...event, ...more(event as unknown as Written) } : event,
    );
    const along = new ReadingAlong({ passesOverNewer: true });
    unwrap(along.take(medium.rows));
    const head = medium.rows.at(-1) as StoredEntry;
    medium.snapshot = { ...head, version: snapshotVersion, body: await writeSnapshot(along.state) };
    const journal = openMemoryJournal(medium, systemTimers);
    const opened = await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} });
    const message = expect.stringMatching(
      new RegExp(`snapshot of entry ${head.seq} has ${named} of syscall, .*Start the build that wrote it`),
    );
    expect(opened).toMatchObject({ fault: { code: 'JOURNAL_NEWER', message, fields: { seq: head.seq } } });
  },
);
