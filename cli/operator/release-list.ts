import { type Column, table, time } from '../../base/text/table.ts';
import type { Release } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { wireJson } from '../json/wire-json.ts';
import { print } from '../print.ts';
import { withConnection } from './connection.ts';
import { operatorCommand } from './options.ts';
import { pages } from './pages.ts';

export const versionColumn: Column<Release> = {
  title: 'VERSION',
  text: ({ model }) => String(model?.version ?? ''),
  align: 'right',
};
export const roundColumn: Column<Release> = { title: 'ROUND', text: ({ round }) => round };
export const createdColumn: Column<Release> = { title: 'CREATED', text: ({ createdAtMs }) => time(createdAtMs) };

/** A verb that lists a track's versions, newest first. */
export function releaseListCommand(name: string, summary: string, columns: readonly Column<Release>[]) {
  return operatorCommand(name, summary)
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const { client } = connection;
        const rows = await pages(
          (page) => connection.call(client.listReleases, { track, page }),
          ({ releases }) => releases,
        );
        if (options.json) for (const row of rows) print(wireJson(row));
        else print(table<Release>(rows, columns));
      }),
    );
}
