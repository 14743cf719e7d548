import { systemTimers } from '../../../base/system-timers.ts';
import { journalContract } from './journal-contract.ts';
import { MemoryMedium } from './memory-store.ts';
import { openMemoryJournal } from './open-journal.ts';

journalContract('memory', () => {
  const medium = new MemoryMedium();
  return async () => openMemoryJournal(medium, systemTimers);
});
