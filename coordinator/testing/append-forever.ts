import { writeSync } from 'node:fs';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { openSqliteJournal } from '../ledger/journal/open-journal.ts';

/** Run as a process by journal tests: appends one entry after another and says each position once it is durable. */
const journal = unwrap(await openSqliteJournal(process.argv[2] as string, systemTimers));
for (let index = 0; ; index++) {
  const { entries, durable } = journal.append([
    {
      actor: { kind: 'coordinator', part: 'round' },
      atMs: index,
      event: { kind: 'freezeLifted', freezeId: `f${index}`, reason: 'r' },
    },
  ]);
  const outcome = await durable;
  if (!outcome.ok) {
    writeSync(1, `refused ${outcome.fault.code}\n`);
    break;
  }
  writeSync(1, `durable ${entries[0]?.seq}\n`);
}
await journal.close();
writeSync(1, 'closed\n');
