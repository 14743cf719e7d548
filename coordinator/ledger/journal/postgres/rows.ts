import type { Row } from '../../../postgres/driver.ts';
import type { StoredEntry } from '../entry.ts';
import type { JournalHead } from '../journal.ts';

/** The fence's row: who may write, and where the journal ends. */
export type Fence = Readonly<{
  epoch: number;
  /** Empty: who held it has let go. */
  holder: string;
  beat: number;
  leaseMs: number;
  /** Where the journal lives on, once it was moved away. */
  movedTo: string | null;
  head: JournalHead;
}>;

// The driver gives bigint as text.

export function headIn(row: Row): JournalHead {
  return { seq: Number(row.head_seq), chain: String(row.head_chain) };
}

export function fenceIn(row: Row): Fence {
  const { epoch, holder, beat, lease_ms: leaseMs, moved_to: movedTo } = row;
  return {
    epoch: Number(epoch),
    holder: String(holder),
    beat: Number(beat),
    leaseMs: Number(leaseMs),
    movedTo: movedTo === null ? null : String(movedTo),
    head: headIn(row),
  };
}

export function rowsIn(rows: readonly Row[]): StoredEntry[] {
  return rows.map(({ seq, epoch, body, chain }) => ({
    seq: Number(seq),
    epoch: Number(epoch),
    body: String(body),
    chain: String(chain),
  }));
}
