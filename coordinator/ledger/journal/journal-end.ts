import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { privateFileMode } from '../../../base/atomic-file.ts';
import type { JournalHead } from './journal.ts';

/** As long whatever it says, so that one write of less than a sector replaces all of it. */
const seqDigits = 16;

function pathOf(journal: string): string {
  return `${journal}.end`;
}

/**
 * How far a journal has come, in a file beside it. SQLite takes the first frame of its log that does not check for the end of what
 * was committed, and a log that is gone for one that was empty: it opens the journal as it was some time ago, and the chain of that
 * is sound. Only what is known from elsewhere shows that entries are missing. Each commit is written down here once it is durable;
 * nothing is synced, so that a power cut may leave an older line, but never one of an entry that the disk had not confirmed.
 */
export class EndNote {
  #file: number | undefined;

  constructor(journal: string) {
    try {
      this.#file = openSync(pathOf(journal), constants.O_RDWR | constants.O_CREAT, privateFileMode);
    } catch {
      // It is evidence alone: a disk that has no room for it stops no journal.
    }
  }

  write({ seq, chain }: JournalHead): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, `${String(seq).padStart(seqDigits, '0')} ${chain}\n`, 0);
    } catch {
      // As above: the line that is there speaks for fewer entries.
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** What was written down last; undefined where there is nothing, or nothing whole. */
export function readEnd(journal: string): JournalHead | undefined {
  let found: RegExpExecArray | null;
  try {
    found = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(readFileSync(pathOf(journal), 'latin1'));
  } catch {
    return undefined;
  }
  return found === null ? undefined : { seq: Number(found[1]), chain: found[2] as string };
}
