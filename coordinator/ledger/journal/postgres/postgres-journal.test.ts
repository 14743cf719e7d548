import { afterAll, beforeAll } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { PostgresServer } from '../../../testing/postgres-server.ts';
import { GroupCommitJournal } from '../group-commit-journal.ts';
import { journalContract } from '../journal-contract.ts';
import { openPostgresStore } from './open-postgres.ts';

let server: PostgresServer;
let schemas = 0;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

journalContract('PostgreSQL', () => {
  const settings = server.settings({ schema: `journal_${++schemas}` });
  return async () => {
    const link = new PostgresLink(settings, systemTimers);
    return new GroupCommitJournal(unwrap(await openPostgresStore(link)), systemTimers);
  };
});
