import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { track } from '../coordinator/testing/federation.ts';
import { HeldLine } from '../coordinator/testing/held-line.ts';
import { PostgresServer } from '../coordinator/testing/postgres-server.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { OperatorService } from '../proto/generated/testudo/v1/operator.ts';
import { changes, orLostAnswer } from './lost-answer.ts';
import { CommandLine } from './testing/command-line.ts';

it('a command whose answer is lost after it was done says that it may have been, and ends as no other', async () => {
  const line = await CommandLine.start();
  const { coordinator } = line.federation;
  const isFrozen = () => coordinator.engine.state().freezes.size > 0;
  const way = await HeldLine.open(() => Number(coordinator.addresses.federation.split(':').at(-1)));
  onTestFinished(() => way.close());
  // An answer is written after its entry is in the journal, so that this drops it and nothing before it.
  Object.defineProperty(way, 'mode', {
    get: () => ({ toServer: 'pass', toClient: isFrozen() ? 'drop' : 'pass' }),
  });
  const through = ['--credentials', line.credentials('admin'), '--address', `127.0.0.1:${way.port}`];
  const frozen = line.offline('freeze', track, '--until', '36h', '--reason', 'release week', ...through);
  await line.federation.until(isFrozen);
  way.cutClients();
  expect(await frozen).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^OUTCOME_UNKNOWN: no answer came \(.+\): it may have been done; look, with `testudo audit list/,
    ),
  });
  // What it says to look at tells it.
  expect((await line.run('audit', 'list', '--since', '5m')).out).toMatch(/freeze.*release week/i);

  await way.close();
  const away = await line.offline('freeze', track, '--until', '36h', '--reason', 'again', ...through);
  expect(away).toMatchObject({ code: 3, error: expect.stringMatching(/^GRPC_UNAVAILABLE: .*nobody listens there/) });
}, 600_000);

it('a change whose write a database did not answer may have been done, though the coordinator says so itself', async () => {
  const server = await PostgresServer.start();
  onTestFinished(() => server.remove());
  const way = await HeldLine.open(() => server.port);
  onTestFinished(() => way.close());
  const password = join(tempDir(), 'password');
  writeFileSync(password, `${PostgresServer.password}\n`, { mode: 0o600 });
  const address = server.url.replace(`:${server.port}/`, `:${way.port}/`);
  const database = { address, 'password.file': password, schema: 'unheard', outageSeconds: '5' };
  const settings = Object.entries(database).map(([name, value]) => `journal.postgres.${name}=${value}`);
  const line = await CommandLine.start({ settings });
  const kept = async () => {
    const rows = await server.sql(`SELECT count(*) AS kept FROM unheard.entries WHERE body LIKE '%freezeSet%'`);
    return Number(rows[0]?.kept);
  };
  way.mode = { toServer: 'pass', toClient: 'drop' };
  const frozen = await line.run('freeze', track, '--until', '36h', '--reason', 'release week');
  expect(frozen).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^OUTCOME_UNKNOWN: what became of it is not known \(JOURNAL_IO: .*\): it may have been done; look, /,
    ),
  });
  expect(await kept()).toBe(1);
}, 600_000);

it.each([
  ['GRPC_UNAVAILABLE', 'Connection dropped', 'OUTCOME_UNKNOWN'],
  [
    'GRPC_DEADLINE_EXCEEDED',
    'Deadline exceeded after 60.001s,LB pick: 0.002s,remote_addr=127.0.0.1:7442',
    'OUTCOME_UNKNOWN',
  ],
  ['GRPC_INTERNAL', 'Received RST_STREAM with code 2', 'OUTCOME_UNKNOWN'],
  ['GRPC_DEADLINE_EXCEEDED', 'Deadline exceeded after 60.001s,Waiting for LB pick', 'GRPC_DEADLINE_EXCEEDED'],
  ['GRPC_UNAVAILABLE', 'No connection established. Last error: Error: read ECONNRESET', 'GRPC_UNAVAILABLE'],
  ['GRPC_UNAVAILABLE', 'Name resolution failed for target dns:nowhere', 'GRPC_UNAVAILABLE'],
  ['DRAINING', 'the coordinator stops', 'DRAINING'],
  ['INTERNAL', 'an error of our own; the log has it', 'OUTCOME_UNKNOWN'],
  ['BELOW_FLOOR', 'nothing below version 2 may run', 'BELOW_FLOOR'],
])('%s (%s) of a change is %s', (code, message, said) => {
  expect(orLostAnswer({ code, message }).code).toBe(said);
});

it('takes every call for a change but those that read, and one that only tries for none', () => {
  const names = Object.values(OperatorService).map(({ path }) => path);
  const changing = names.filter((path) => changes(path, {})).map((path) => path.split('/').at(-1));
  expect(changing).toEqual(expect.arrayContaining(['RollBack', 'Promote', 'CreateToken', 'ProposePins', 'SetFreeze']));
  for (const reading of ['GetStatus', 'ListAudit', 'PlanRounds', 'Follow', 'ExportRelease']) {
    expect(names).toContain(`/testudo.v1.Operator/${reading}`);
    expect(changing).not.toContain(reading);
  }
  expect(changes('/testudo.v1.Operator/RollBack', { dryRun: true })).toBe(false);
  expect(changes('/testudo.v1.Operator/RollBack', { dryRun: false })).toBe(true);
});
