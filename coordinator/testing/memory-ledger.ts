import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { MemoryMedium } from '../ledger/journal/memory-store.ts';
import { openMemoryJournal } from '../ledger/journal/open-journal.ts';
import { Ledger } from '../ledger/ledger.ts';
import { ada } from './released-state.ts';

/** A ledger in memory, in which these events were committed, by a clock that stands. */
export async function memoryLedger(events: readonly JournalEvent[], nowMs = 1_000): Promise<Ledger> {
  const journal = openMemoryJournal(new MemoryMedium(), systemTimers);
  const ledger = unwrap(await Ledger.open(journal, () => nowMs, { durable: () => {}, undone: () => {} }));
  unwrap(await ledger.commit(ada, () => ({ ok: true, value: { events, value: undefined } })));
  return ledger;
}
