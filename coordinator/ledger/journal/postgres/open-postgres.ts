import { randomUUID } from 'node:crypto';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { ensureLayout, type LayoutFaultCode, unanswered } from '../../../postgres/layout.ts';
import type { PostgresLink } from '../../../postgres/link.ts';
import type { StoredEntry } from '../entry.ts';
import type { JournalFaultCode, JournalHead } from '../journal.ts';
import type { OpenedStore } from '../journal-store.ts';
import { damaged, findBreak, noHead } from '../walk.ts';
import { rolledBack, unreplicated } from './faults.ts';
import { PostgresStore } from './postgres-store.ts';
import { raise } from './raise.ts';
import { type Fence, fenceIn, rowsIn } from './rows.ts';
import { statementsIn } from './statements.ts';

export type PostgresJournalFaultCode = JournalFaultCode | LayoutFaultCode | 'JOURNAL_HELD' | 'JOURNAL_MOVED';

const rowsPerWalk = 2_000;

/** What a standby knows of a journal that it found free. */
export type FoundFree = Readonly<{
  /** The last line that it has checked. */
  head: JournalHead;
  /** Of whoever gave no sign of life. */
  epoch: number;
}>;

/**
 * Becomes the journal's writer: checks every line, then raises the epoch, whoever holds it. Of several that do so at once one
 * succeeds. `found`: what a standby has walked already, and over whom alone it may raise: who has taken over since leads. The link is the store's from then on, and closed with it; when this is refused it is still the caller's.
 */
export async function openPostgresStore(
  link: PostgresLink,
  found?: FoundFree,
): Promise<Result<OpenedStore, PostgresJournalFaultCode>> {
  const layout = await ensureLayout(link);
  if (!layout.ok) return layout;
  const seen = await readFence(link);
  if (!seen.ok) return seen;
  const standbys = await link.repeat(`SELECT current_setting('synchronous_standby_names') AS names`);
  if (standbys.kind !== 'rows') return unanswered(standbys);
  if (link.settings.isReplicated && standbys.rows[0]?.names === '') return unreplicated();
  if (seen.value.movedTo !== null) return moved(seen.value.movedTo);
  const checked = found?.head ?? noHead;
  if (found !== undefined && found.epoch !== seen.value.epoch) {
    return refuse(
      'JOURNAL_HELD',
      `journal: epoch ${seen.value.epoch} took it over first. Start this one again: it stands by then`,
    );
  }
  if (seen.value.head.seq < checked.seq) return rolledBack(checked, seen.value.head);
  const walked = await walkTo(link, checked, seen.value.head);
  if (!walked.ok) return walked;
  const raised = await raise(link, seen.value, randomUUID());
  if (!raised.ok) return raised;
  // The one before may have written since: its last entries are walked now that it cannot any more.
  const head = await walkTo(link, walked.value, raised.value.head);
  if (!head.ok) return head;
  const { writer } = raised.value;
  link.writer = writer;
  return ok({ store: new PostgresStore(link, writer, head.value), epoch: writer.epoch, head: head.value });
}

export async function readFence(link: PostgresLink): Promise<Result<Fence, LayoutFaultCode | 'JOURNAL_DAMAGED'>> {
  const answer = await link.repeat(statementsIn(link.settings.schema).look);
  if (answer.kind !== 'rows') return unanswered(answer);
  const [row] = answer.rows;
  return row === undefined ? damaged(0, 'its row of the fence is missing') : ok(fenceIn(row));
}

/** Takes lines whose chain was checked, up to `head`. */
export type TakeLines = (
  rows: readonly StoredEntry[],
  head: JournalHead,
) => Result<void, 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER'>;

/**
 * Walks the lines after `from`, hands them on, and holds the end to what the fence says. Commits may go on meanwhile. What was
 * handed on stays so where the rest cannot be had.
 */
export async function walkTo(
  link: PostgresLink,
  from: JournalHead,
  goal: JournalHead,
  take: TakeLines = () => ok(undefined),
): Promise<Result<JournalHead, JournalFaultCode | LayoutFaultCode>> {
  const sql = statementsIn(link.settings.schema);
  let at = from;
  while (at.seq < goal.seq) {
    const answer = await link.repeat(sql.read, [at.seq + 1, Math.min(rowsPerWalk, goal.seq - at.seq)]);
    if (answer.kind !== 'rows') return unanswered(answer);
    const rows = rowsIn(answer.rows);
    const walked = findBreak(at, rows);
    if (!walked.ok) return walked;
    if (walked.value.seq === at.seq) return damaged(at.seq + 1, `entry ${at.seq + 1} is missing`);
    at = walked.value;
    const taken = take(rows, at);
    if (!taken.ok) return taken;
  }
  if (at.chain === goal.chain) return ok(at);
  return damaged(at.seq, `the fence says that it ends with another entry ${goal.seq}`);
}

export function moved(to: string) {
  return refuse(
    'JOURNAL_MOVED',
    `this journal was moved to ${to}: go on there, and take journal.postgres out of the configuration`,
  );
}
