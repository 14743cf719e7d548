import { writeSync } from 'node:fs';
import { systemTimers } from '../../base/system-timers.ts';
import { openPostgresJournal } from '../ledger/journal/open-journal.ts';
import type { PostgresSettings } from '../postgres/connection.ts';
import { PostgresLink } from '../postgres/link.ts';

/**
 * Run as a process by the cluster campaign: `append-to-database.ts <settings as JSON>`. Becomes the journal's writer as soon as
 * nobody else is, then appends one to three entries at a time and says position and chain of each once it is durable.
 */
const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);
if (process.env.TESTUDO_TEST_CHILD !== undefined) process.stdin.on('end', () => process.exit(2)).resume();

const link = new PostgresLink(JSON.parse(process.argv[2] as string) as PostgresSettings, systemTimers);
const opened = await openPostgresJournal(link);
if (!opened.ok) {
  say({ ended: opened.fault.code });
  process.exit(1);
}
const journal = opened.value;
say({ leads: journal.epoch });
for (let index = 0; ; index++) {
  const drafts = Array.from({ length: 1 + (index % 3) }, (_, at) => ({
    actor: { kind: 'coordinator', part: 'round' } as const,
    atMs: index,
    event: { kind: 'freezeLifted', freezeId: `f${index}-${at}`, reason: `by ${process.pid}` } as const,
  }));
  const { entries, durable } = journal.append(drafts);
  const outcome = await durable;
  if (!outcome.ok) {
    say({ ended: outcome.fault.code });
    break;
  }
  for (const { seq, chain } of entries) say({ seq, chain });
}
await journal.close();
process.exit(0); // Its standard input would keep it.
