import { resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { jsonLine, table } from '../../base/text/table.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { orExit, usage } from '../exit.ts';
import { contextOf, readContexts, writeContexts } from '../operator/contexts.ts';
import { complain, print } from '../print.ts';

const legalName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `testudo context`: several federations, one at a time. */
export function contextCommand() {
  return new Command('context')
    .description('which federation commands speak to: list, add, use, remove')
    .addCommand(list())
    .addCommand(add())
    .addCommand(use())
    .addCommand(remove());
}

function list() {
  return new Command('list')
    .description('contexts; the current one has a star')
    .option('--json', 'one a line')
    .action(({ json }) => {
      const { current, contexts } = readContexts();
      const rows = Object.entries(contexts)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, context]) => ({ name, current: name === current, ...context }));
      if (json) for (const row of rows) print(jsonLine(row));
      else if (rows.length === 0) print('no contexts: `testudo context add NAME --credentials FILE` makes one');
      else {
        print(
          table(rows, [
            { title: '', text: (row) => (row.current ? '*' : '') },
            { title: 'CONTEXT', text: ({ name }) => name },
            { title: 'CREDENTIALS', text: ({ credentials }) => credentials },
            { title: 'ADDRESS', text: ({ address }) => address ?? 'as the credentials say' },
          ]),
        );
      }
    });
}

function add() {
  return new Command('add')
    .description('name credentials, and where their coordinator is; the first one is current at once')
    .argument('<name>')
    .requiredOption('-c, --credentials <file>', "the operator's credentials")
    .option(
      '--address <host:port>',
      'where the coordinator is, if not where the credentials say; several with commas between',
    )
    .option('--json', 'as JSON')
    .action(async (name, { credentials, address, json }) => {
      if (!legalName.test(name)) usage(`expected a name of 1 to 63 of a-z, 0-9 and "-"; got ${name}`);
      const path = resolve(credentials);
      const { federation, name: operator } = orExit(await readCredentials(path));
      const all = readContexts();
      const { current, contexts } = all;
      const context = { credentials: path, ...(address === undefined ? {} : { address }) };
      await writeContexts({ ...all, current: current ?? name, contexts: { ...contexts, [name]: context } });
      if (json) return print(jsonLine({ name, current: (current ?? name) === name, ...context }));
      print(`${name}: ${operator} of ${federation}${(current ?? name) === name ? ', current' : ''}`);
      const before = Object.hasOwn(contexts, name) ? contexts[name]?.credentials : undefined;
      if (before !== undefined && before !== path) complain(`it was ${before} before`);
      if (current !== null && current !== name)
        complain(`commands go on speaking to ${current}; \`testudo context use ${name}\` changes that`);
    });
}

function use() {
  return new Command('use')
    .description('let commands without --credentials and --context speak to this one')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name, { json }) => {
      const contexts = readContexts();
      const context = contextOf(contexts, name);
      await writeContexts({ ...contexts, current: name });
      print(json ? jsonLine({ name, current: true, ...context }) : `${name} is current`);
    });
}

function remove() {
  return new Command('remove')
    .description('forget a context; its credentials stay where they are')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name, { json }) => {
      const all = readContexts();
      contextOf(all, name);
      const { [name]: _, ...contexts } = all.contexts;
      await writeContexts({ ...all, current: all.current === name ? null : all.current, contexts });
      print(json ? jsonLine({ name, removed: true }) : `${name} is forgotten`);
    });
}
