import type { JournalEvent } from '../ledger/journal/events.ts';

/** Entries after which someone who is connected may have no right to be. */
export const endsMembership: ReadonlySet<JournalEvent['kind']> = new Set<JournalEvent['kind']>([
  'clusterRevoked',
  'clusterEnrolled',
  'operatorAdded',
  'operatorRemoved',
  'doorAdded',
  'doorRevoked',
]);
