import type { StoredEntry } from '../../../../coordinator/ledger/journal/entry.ts';
import type { Snapshot } from '../../../../coordinator/ledger/journal/journal.ts';
import { MemoryMedium } from '../../../../coordinator/ledger/journal/memory-store.ts';

/** The fence's one row, by its columns. */
export type FenceRow = Readonly<{
  id: 1;
  epoch: number;
  holder: string;
  beat: number;
  lease_ms: number;
  head_seq: number;
  head_chain: string;
  moved_to: string | null;
}>;

/** What one transaction changes: a record of the server's log. */
export type Change = Readonly<{
  fence?: FenceRow;
  rows?: readonly StoredEntry[];
  snapshot?: StoredSnapshot;
  /** undefined: removed. */
  secrets?: readonly (readonly [string, Uint8Array | undefined])[];
}>;

export type StoredSnapshot = Snapshot & Readonly<{ digest: string }>;

/** What one server of a database holds. */
export class Tables {
  readonly journal: MemoryMedium;
  readonly secrets: Map<string, Uint8Array>;
  fence: FenceRow;

  constructor(journal: MemoryMedium, secrets: Map<string, Uint8Array>, fence: FenceRow) {
    this.journal = journal;
    this.secrets = secrets;
    this.fence = fence;
  }

  apply({ fence, rows, snapshot, secrets }: Change): void {
    if (fence !== undefined) {
      this.fence = fence;
      this.journal.epoch = fence.epoch;
    }
    if (rows !== undefined) this.journal.rows.push(...rows);
    if (snapshot !== undefined) this.journal.snapshot = snapshot;
    for (const [name, sealed] of secrets ?? []) {
      if (sealed === undefined) this.secrets.delete(name);
      else this.secrets.set(name, sealed);
    }
  }

  copy(): Tables {
    const journal = new MemoryMedium();
    journal.rows = [...this.journal.rows];
    journal.epoch = this.journal.epoch;
    journal.snapshot = this.journal.snapshot;
    return new Tables(journal, new Map(this.secrets), this.fence);
  }
}
