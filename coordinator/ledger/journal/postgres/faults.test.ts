import { describe, expect, it } from 'vitest';
import { failed, full, held, rolledBack, stale, unknown, unreplicated } from './faults.ts';

describe('a fault of a journal in PostgreSQL says what is so and what to do', () => {
  it.each([
    [
      'a failure',
      () => failed('connection refused'),
      'JOURNAL_IO',
      /PostgreSQL failed \(connection refused\)\. Mend it, then start/,
    ],
    [
      'another writer',
      () => held('epoch 4 holds it'),
      'JOURNAL_HELD',
      /: epoch 4 holds it\. Stop the other coordinator/,
    ],
    [
      'an outcome nobody learnt',
      () => unknown('ETIMEDOUT'),
      'JOURNAL_IO',
      /did not say .* \(ETIMEDOUT\)\. .* at the next start$/,
    ],
    [
      'no room',
      () => full(),
      'DISK_FULL',
      /^journal: PostgreSQL has no space left; nothing of this write was kept\. Free space there$/,
    ],
    [
      'a newer writer',
      () => stale(3, 5),
      'EPOCH_STALE',
      /^epoch 5 has taken this journal over from 3; stop this coordinator$/,
    ],
    [
      'a newer one without a name',
      () => stale(3),
      'EPOCH_STALE',
      /^another coordinator has taken this journal over from 3; stop/,
    ],
    [
      'no standby',
      () => unreplicated(),
      'JOURNAL_UNREPLICATED',
      /was kept\. Set synchronous_standby_names, or journal\.postgres\.sync/,
    ],
  ])('%s', (_, refuse, code, message) => {
    const refused = refuse();
    expect(refused).toMatchObject({ ok: false, fault: { code } });
    expect(refused.fault.message).toMatch(message);
  });

  it('a roll-back, with the entries that are gone: those after its end, or its last one where that is another', () => {
    const head = (seq: number) => ({ seq, chain: 'ab'.repeat(32) });
    const shorter = rolledBack(head(9), head(6)).fault;
    expect(shorter).toMatchObject({ code: 'JOURNAL_ROLLED_BACK', fields: { known: 9, found: 6 } });
    expect(shorter.message).toContain(
      'acknowledged entries up to 9, and the database ends with 6, or with others: entries 7 to 9',
    );
    expect(shorter.message).toContain('(docs/operations.md, "On PostgreSQL")');
    expect(rolledBack(head(9), head(9)).fault.message).toContain('entries 9 to 9 are gone');
    expect(rolledBack(head(9), head(12)).fault.message).toContain('entries 9 to 9 are gone');
  });
});
