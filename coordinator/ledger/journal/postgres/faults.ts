import { refuse } from '../../../../base/fault.ts';
import type { JournalHead } from '../journal.ts';

export function failed(cause: string) {
  return refuse(
    'JOURNAL_IO',
    `journal: PostgreSQL failed (${cause}). Mend it, then start again: what it holds is checked`,
  );
}

export function held(by: string) {
  return refuse('JOURNAL_HELD', `journal: ${by}. Stop the other coordinator of this database, or leave it the field`);
}

export function unknown(cause: string) {
  return refuse(
    'JOURNAL_IO',
    `journal: PostgreSQL did not say what became of the last write (${cause}). Whether it was kept is found out at the next start`,
  );
}

export function full() {
  return refuse('DISK_FULL', 'journal: PostgreSQL has no space left; nothing of this write was kept. Free space there');
}

export function stale(epoch: number, newer?: number) {
  const by = newer === undefined ? 'another coordinator' : `epoch ${newer}`;
  return refuse('EPOCH_STALE', `${by} has taken this journal over from ${epoch}; stop this coordinator`);
}

export function unreplicated() {
  return refuse(
    'JOURNAL_UNREPLICATED',
    'journal: PostgreSQL names no synchronous standby any more, or the session commits asynchronously; nothing of this write ' +
      'was kept. Set synchronous_standby_names, or journal.postgres.synchronous to optional, and start again',
  );
}

export function rolledBack(known: JournalHead, found: JournalHead) {
  const from = found.seq < known.seq ? found.seq + 1 : known.seq;
  return refuse(
    'JOURNAL_ROLLED_BACK',
    `journal: this coordinator has acknowledged entries up to ${known.seq}, and the database ends with ${found.seq}, or with ` +
      `others: entries ${from} to ${known.seq} are gone. A replica that lagged was promoted, or a backup restored ` +
      '(docs/operations.md, "On PostgreSQL")',
    { known: known.seq, found: found.seq },
  );
}
