import { ok, type Result } from '../../../../base/fault.ts';
import { settlesNothing } from '../../../postgres/connection.ts';
import { unanswered } from '../../../postgres/layout.ts';
import type { PostgresLink, Writer } from '../../../postgres/link.ts';
import { endSilentSessions } from '../../../postgres/silent-sessions.ts';
import type { JournalHead } from '../journal.ts';
import { held } from './faults.ts';
import { type Fence, fenceIn, headIn } from './rows.ts';
import { statementsIn } from './statements.ts';

export type Raised = Readonly<{ writer: Writer; head: JournalHead }>;

/**
 * Becomes the journal's writer in place of the one that was `seen`. Of several that do so at once one succeeds. An answer that
 * was lost is settled by the fence itself: nobody else writes this holder there. A session whose client fell silent amid a
 * commit has the fence locked: it is ended first, and where one is found later, at the next attempt.
 */
export function raise(
  link: PostgresLink,
  seen: Fence,
  holder: string,
): Promise<Result<Raised, 'JOURNAL_HELD' | 'DATABASE_UNREACHABLE' | 'DATABASE_REFUSED' | 'DATABASE_UNFIT'>> {
  const sql = statementsIn(link.settings.schema);
  const raised = (epoch: number, head: JournalHead) => ok({ writer: { epoch, holder }, head });
  return link.alone(async (ask) => {
    const lapses = link.patience();
    for (;;) {
      await ask(endSilentSessions(link.settings.schema));
      const answer = await ask(sql.raise, [seen.epoch, seen.holder, holder, link.settings.leaseMs]);
      if (answer.kind === 'rows') {
        const [row] = answer.rows;
        if (row !== undefined) return raised(Number(row.epoch), headIn(row));
        const looked = await link.repeatWith(ask, sql.look); // Raised by an attempt whose answer was lost, or by another start.
        if (looked.kind !== 'rows') return unanswered(looked);
        const fence = looked.rows[0] && fenceIn(looked.rows[0]);
        return fence?.holder === holder ? raised(fence.epoch, fence.head) : held('another start was faster');
      }
      const isFinal = answer.kind === 'refused' && !settlesNothing(answer.sqlState);
      if (isFinal || !(await lapses())) return unanswered(answer); // Where it was done all the same, the next start raises it again.
    }
  });
}
