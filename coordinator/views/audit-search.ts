import { ok, type Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import { type AuditView, auditView } from './audit.ts';
import { type Invalid, invalid } from './request.ts';

/** What is looked for; an empty condition holds for every entry. */
export type AuditQuery = Readonly<{
  /** Entries before this position alone. */
  before: number;
  size: number;
  kinds: readonly string[];
  /** A word of who did it: an operator's or a cluster's name, an address, `coordinator`. */
  who: string;
  /** A text that stands in the event as a whole value, wherever: a track, a cluster, a round, a digest, a code. */
  about: string;
  sinceMs: EpochMs;
}>;

export type AuditFound = Readonly<{
  /** Newest first. */
  entries: readonly AuditView[];
  /** Where the next search goes on; 0 when there is nothing more. */
  before: number;
}>;

/** The journal, from a position. */
export type ReadJournal<Code extends string> = (
  fromSeq: number,
  limit: number,
) => Promise<Result<readonly JournalEntry[], Code>>;

const kindsMax = 64;
const textMax = 256;
const blockRows = 500;
/** Entries that one search reads at most: the answer to one that finds little says where to go on. */
const readMax = 20_000;

/** Why nothing is looked for by conditions as large as these. */
export function checkConditions({
  kinds,
  who,
  about,
}: Pick<AuditQuery, 'kinds' | 'who' | 'about'>): Invalid | undefined {
  const isLegal = kinds.length <= kindsMax && who.length <= textMax && about.length <= textMax;
  return isLegal ? undefined : invalid(`at most ${kindsMax} kinds, and texts of ${textMax} characters`);
}

/** Entries that fit, newest first, found from the journal's end backwards. */
export async function searchAudit<Code extends string>(
  read: ReadJournal<Code>,
  query: AuditQuery,
): Promise<Result<AuditFound, Code>> {
  const entries: AuditView[] = [];
  const leastSeq = Math.max(1, query.before - readMax);
  for (let before = query.before; before > leastSeq; ) {
    const from = Math.max(leastSeq, before - blockRows);
    const block = await read(from, before - from);
    if (!block.ok) return block;
    for (const entry of block.value.toReversed()) {
      if (entry.atMs < query.sinceMs) return ok({ entries, before: 0 });
      const view = auditView(entry);
      if (!fits(view, query)) continue;
      entries.push(view);
      if (entries.length === query.size) return ok({ entries, before: entry.seq === 1 ? 0 : entry.seq });
    }
    before = from;
  }
  return ok({ entries, before: leastSeq === 1 ? 0 : leastSeq });
}

function fits({ actor, kind, eventJson }: AuditView, { kinds, who, about }: AuditQuery): boolean {
  if (kinds.length > 0 && !kinds.includes(kind)) return false;
  if (who !== '' && !actor.split(/[ ()]+/).includes(who)) return false;
  return about === '' || eventJson.includes(JSON.stringify(about));
}
