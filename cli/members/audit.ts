import { Command } from '@commander-js/extra-typings';
import { jsonLine, table, time } from '../../base/text/table.ts';
import type { AuditEntry, FollowResponse } from '../../proto/generated/testudo/v1/operator.ts';
import { exitWith } from '../exit.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo audit`: who did what, when and why. */
export function auditCommand() {
  return new Command('audit')
    .description('the journal as an audit log: list, follow')
    .addCommand(list())
    .addCommand(follow());
}

function list() {
  return operatorCommand('list', 'entries, oldest first')
    .option('--from <sequence>', 'the first position wanted', '1')
    .option('--rows <count>', 'how many, up to 500', '100')
    .action((options) =>
      withConnection(options, async (connection) => {
        const request = { fromSequence: sequenceFrom(options.from), size: Number(options.rows) };
        const { entries } = await connection.call(connection.client.listAudit, request);
        if (options.json) for (const row of entries) print(jsonLine(row));
        else print(table<AuditEntry>(entries, columns));
      }),
    );
}

const columns = [
  { title: 'SEQ', text: ({ sequence }: AuditEntry) => String(sequence), align: 'right' as const },
  { title: 'AT', text: ({ atMs }: AuditEntry) => time(atMs) },
  { title: 'WHO', text: ({ actor }: AuditEntry) => actor },
  { title: 'WHAT', text: ({ kind }: AuditEntry) => kind },
  {
    title: 'DETAIL',
    text: ({ eventJson }: AuditEntry) => (eventJson.length > 120 ? `${eventJson.slice(0, 119)}…` : eventJson),
  },
];

function sequenceFrom(text: string): bigint {
  return /^\d{1,16}$/.test(text)
    ? BigInt(text)
    : exitWith({ code: 'USAGE', message: `--from: expected a position, got ${text}` });
}

function follow() {
  return operatorCommand('follow', 'entries as they happen, until interrupted')
    .option('--from <sequence>', 'the first position wanted; 0 means from now on', '0')
    .action((options) =>
      withConnection(options, async (connection) => {
        const stream = connection.client.follow({ fromSequence: sequenceFrom(options.from) });
        try {
          for await (const { entry } of stream as AsyncIterable<FollowResponse>) {
            if (entry === undefined) continue;
            if (options.json) print(jsonLine(entry));
            else print(`${entry.sequence}  ${time(entry.atMs)}  ${entry.actor}  ${entry.kind}  ${entry.eventJson}`);
          }
        } catch (error) {
          connection.failed(error);
        }
      }),
    );
}
