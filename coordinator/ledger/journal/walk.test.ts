import { describe, expect, it } from 'vitest';
import { openEntry, type StoredEntry, sealEntry } from './entry.ts';
import { draft } from './journal-contract.ts';
import { findBreak, noHead } from './walk.ts';

function lines(epochs: readonly number[]): StoredEntry[] {
  const rows: StoredEntry[] = [];
  for (const [index, epoch] of epochs.entries()) {
    const [, row] = sealEntry(rows.at(-1)?.chain ?? noHead.chain, { ...draft(index), seq: index + 1, epoch });
    rows.push(row);
  }
  return rows;
}
const whole = lines([1, 1, 2, 2, 5]);
const replaced = (seq: number, change: Partial<StoredEntry>) =>
  whole.map((row) => (row.seq === seq ? { ...row, ...change } : row));

describe('lines of a journal', () => {
  it('that follow one another are walked to the last, from any of them', () => {
    const last = { seq: 5, chain: whole[4]?.chain };
    expect(findBreak(noHead, whole)).toEqual({ ok: true, value: last });
    const third = { seq: 3, chain: whole[2]?.chain ?? '' };
    expect(findBreak(third, whole.slice(3))).toEqual({ ok: true, value: last });
    expect(findBreak(third, [])).toEqual({ ok: true, value: third });
  });

  it.each([
    ['one is missing', whole.filter(({ seq }) => seq !== 3), 3, 'journal: entry 3 is missing. Restore'],
    ['one comes twice', [whole[0], ...whole] as StoredEntry[], 2, 'entry 2 is missing'],
    [
      'one was changed',
      replaced(4, { body: '{}' }),
      4,
      'the hash chain breaks at entry 4: it, or an earlier one, was changed',
    ],
    ['its chain was', replaced(2, { chain: 'f'.repeat(64) }), 2, 'the hash chain breaks at entry 2'],
    [
      'an older writer wrote after a newer one',
      lines([1, 3, 2]),
      3,
      'entry 3 was written by an older epoch than the one',
    ],
  ])('stop where %s', (_, rows, seq, message) => {
    const found = findBreak(noHead, rows);
    expect(found).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq } } });
    expect(!found.ok && found.fault.message).toContain(message);
  });

  it('are opened as they were sealed, and not where row and body disagree', () => {
    const row = whole[3] as StoredEntry;
    expect(openEntry(row)).toEqual({ ...draft(3), seq: 4, epoch: 2, chain: row.chain });
    for (const other of [{ seq: 5 }, { epoch: 1 }]) {
      expect(() => openEntry({ ...row, ...other })).toThrow(/its row and its body disagree about position or epoch/);
    }
  });
});
