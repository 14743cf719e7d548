import { Command, Option } from '@commander-js/extra-typings';
import { table, time } from '../../base/text/table.ts';
import { pemOfChain } from '../../coordinator/keys/authority.ts';
import {
  newOperatorKey,
  type OperatorCredentials,
  readCredentials,
  replaceCredentials,
} from '../../coordinator/keys/operator-credentials.ts';
import { type OperatorInfo, OperatorRole } from '../../proto/generated/testudo/v1/operator.ts';
import { claimFile } from '../claimed-file.ts';
import { exitWith, faultOfThrown, orExit } from '../exit.ts';
import { halfDone } from '../half-done.ts';
import { wireJson } from '../json/wire-json.ts';
import { renewCertificate, withConnection } from '../operator/connection.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { pages } from '../operator/pages.ts';
import { print } from '../print.ts';

const roles = {
  viewer: OperatorRole.OPERATOR_ROLE_VIEWER,
  operator: OperatorRole.OPERATOR_ROLE_OPERATOR,
  admin: OperatorRole.OPERATOR_ROLE_ADMIN,
} as const;

/** `testudo operators`: who may do what. */
export function operatorsCommand() {
  return new Command('operators')
    .description('people and pipelines: list, add, renew, remove')
    .addCommand(list())
    .addCommand(add())
    .addCommand(renew())
    .addCommand(remove());
}

function list() {
  return operatorCommand('list', 'operators and former operators').action((options) =>
    withConnection(options, async (connection) => {
      const { client } = connection;
      const rows = await pages(
        (page) => connection.call(client.listOperators, { page }),
        ({ operators }) => operators,
      );
      if (options.json) for (const row of rows) print(wireJson(row));
      else {
        print(
          table<OperatorInfo>(rows, [
            { title: 'OPERATOR', text: ({ name }) => name },
            { title: 'ROLE', text: ({ role, removed }) => (removed ? 'removed' : roleName(role)) },
            { title: 'CERTIFICATE UNTIL', text: ({ certificateExpiresAtMs }) => time(certificateExpiresAtMs) },
          ]),
        );
      }
    }),
  );
}

function roleName(role: OperatorRole): string {
  return Object.entries(roles).find(([, value]) => value === role)?.[0] ?? '?';
}

function add() {
  return changingCommand('add', 'make an operator, or give one a new key and role; its credentials go into a new file')
    .argument('<name>')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['viewer', 'operator', 'admin'] as const)
        .default('viewer' as const),
    )
    .requiredOption('--out <file>', "the new operator's credentials: hand them over safely")
    .action((name, options) =>
      withConnection(options, async (connection) => {
        // The key for pins is its owner's alone: a new operator makes one of its own, with `testudo pins key`.
        const { pinKey: _, ...own } = orExit(await readCredentials(options.credentials));
        claimFile(options.out, 'CREDENTIALS_EXIST');
        const { key, request } = await newOperatorKey();
        const answer = await connection.call(connection.client.addOperator, {
          name,
          role: roles[options.role],
          certificateRequest: request,
          reason: options.reason,
        });
        connection.halfWay({
          done: `${name} has a new certificate, beside which no older one counts`,
          rest: 'Its key is lost: the same command, with a file that can be written, gives another',
        });
        const made: OperatorCredentials = {
          ...own,
          name,
          role: options.role,
          certificateChain: pemOfChain(answer.certificateChain.slice(0, -1)),
          key,
        };
        await replaceCredentials(options.out, made);
        const { expiresAtMs } = answer;
        print(
          options.json
            ? wireJson({ name, role: options.role, expiresAtMs })
            : `${name} may act as ${options.role} until ${time(expiresAtMs)}: ${options.out}`,
        );
      }),
    );
}

function renew() {
  return operatorCommand('renew', 'a new key and certificate for oneself, in the same file').action(async (options) => {
    const own = orExit(await readCredentials(options.credentials));
    const { key, request } = await newOperatorKey();
    const { certificateChain, expiresAtMs } = await renewCertificate(options, request);
    const renewed = { ...own, certificateChain: pemOfChain(certificateChain.slice(0, -1)), key };
    await replaceCredentials(options.credentials, renewed).catch((error: unknown) => {
      const fault = faultOfThrown(error);
      if (fault === undefined) throw error;
      const done = `a new certificate of ${own.name} is made`;
      const rest = `Its key is lost, and ${options.credentials} counts for an hour more: the same command again, within it`;
      exitWith(halfDone({ done, rest }, fault));
    });
    print(options.json ? wireJson({ name: own.name, expiresAtMs }) : `${own.name} may act until ${time(expiresAtMs)}`);
  });
}

function remove() {
  return changingCommand('remove', "take an operator's rights away")
    .argument('<name>')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const { sequence } = await connection.call(connection.client.removeOperator, { name, reason: options.reason });
        print(options.json ? wireJson({ name, sequence }) : `${name} has no rights (journal ${sequence})`);
      }),
    );
}
