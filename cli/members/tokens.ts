import { Command } from '@commander-js/extra-typings';
import { decimalOf } from '../../base/text/number.ts';
import { shellWord } from '../../base/text/shell-word.ts';
import { table, time } from '../../base/text/table.ts';
import type { Label } from '../../proto/generated/testudo/v1/common.ts';
import type { CreateTokenResponse, Token } from '../../proto/generated/testudo/v1/operator.ts';
import { usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { claimKitFolder, writeClientKit } from '../kit/client-kit.ts';
import { clientStart } from '../operator/client-start.ts';
import { withConnection } from '../operator/connection.ts';
import { enrolmentPortText } from '../operator/enrol-address.ts';
import { allClusters, forceLabelsOption, refuseMisspeltKeys } from '../operator/known-names.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { pages } from '../operator/pages.ts';
import { complain, print } from '../print.ts';
import { takesPlaceText } from './takes-place.ts';

/** What a coordinator lets a token live: 30 days. */
const hoursMax = 720;

/** `testudo tokens`: how clusters get in. */
export function tokensCommand() {
  return new Command('tokens')
    .description('one-time join tokens: create, list, revoke')
    .addCommand(create())
    .addCommand(list())
    .addCommand(revoke());
}

function create() {
  return operatorCommand('create', 'make a token for one cluster; its text is printed once and kept nowhere')
    .argument('<cluster>')
    .option('--hours <count>', `how long it may be used, up to ${hoursMax}`, '24')
    .option('--label <key=value...>', 'labels that the cluster will carry')
    .option(...forceLabelsOption)
    .option('--kit <folder>', "write what the cluster's client starts with: configuration, token, root, schema")
    .option(
      '--coordinator <host:port>',
      'with --kit: where the cluster reaches the coordinator; as the credentials say',
    )
    .option('--enrol <host:port>', `with --kit: where it enrols; as the credentials say, or ${enrolmentPortText}`)
    .action((cluster, options) => {
      const { kit: folder } = options;
      const lifetimeSeconds = secondsOf(options.hours);
      const labels = (options.label ?? []).map((text) => labelOf(text));
      const isForKit = options.coordinator !== undefined || options.enrol !== undefined;
      if (isForKit && folder === undefined) usage('--coordinator and --enrol go into a kit: give --kit FOLDER too');
      return withConnection(options, async (connection) => {
        const keys = options.force ? [] : labels.map(({ key }) => key);
        if (keys.length > 0) refuseMisspeltKeys(await allClusters(connection), keys);
        if (folder !== undefined) claimKitFolder(folder);
        const kit = folder === undefined ? undefined : await clientStart(connection, options);
        const created = await connection.call(connection.client.createToken, { cluster, lifetimeSeconds, labels });
        const { tokenId } = created;
        connection.halfWay({
          done: `token ${tokenId} for ${cluster} is made`,
          rest: `Its text is lost: \`testudo tokens revoke ${tokenId} --reason …\`, and make another`,
        });
        const takes = takesPlaceText(cluster, created, labels);
        if (takes !== undefined) complain(takes);
        if (folder !== undefined && kit !== undefined) {
          const config = await writeClientKit(folder, { ...kit, token: created.token });
          if (options.json) print(wireJson({ ...created, token: undefined, config }));
          else complain(kitText(cluster, created, config));
        } else if (options.json) print(wireJson(created));
        else {
          complain(`token ${tokenId} for ${cluster}, good once, until ${time(created.expiresAtMs)}:`);
          print(created.token); // Alone on standard output, so that it can be piped into a secret.
        }
      });
    });
}

function kitText(cluster: string, { tokenId, expiresAtMs }: CreateTokenResponse, config: string): string {
  return `${cluster} may enrol once, until ${time(expiresAtMs)} (token ${tokenId}). Name its sources in the file; then, there:

testudo client --config ${shellWord(config)} --check --try 30s
testudo client --config ${shellWord(config)}`;
}

/** `--hours` in whole seconds; ends the process where a token cannot be used for so long. */
export function secondsOf(hours: string): number {
  const seconds = Math.round(decimalOf(hours) * 3600);
  if (seconds >= 1 && seconds <= hoursMax * 3600) return seconds;
  return usage(`--hours: expected a number above 0, up to ${hoursMax}; got ${hours}`);
}

/** A label as it is typed, `where` it is; ends the process where it is none. */
export function labelOf(text: string, where = '--label'): Label {
  const [key, value, ...more] = text.split('=');
  return key && value && more.length === 0 ? { key, value } : usage(`${where}: expected key=value, got ${text}`);
}

function list() {
  return operatorCommand('list', 'tokens, newest first, without their secrets').action((options) =>
    withConnection(options, async (connection) => {
      const { client } = connection;
      const rows = await pages(
        (page) => connection.call(client.listTokens, { page }),
        ({ tokens }) => tokens,
      );
      if (options.json) for (const row of rows) print(wireJson(row));
      else {
        print(
          table<Token>(rows, [
            { title: 'TOKEN', text: ({ tokenId }) => tokenId },
            { title: 'CLUSTER', text: ({ cluster }) => cluster },
            { title: 'STATE', text: stateText },
            { title: 'UNTIL', text: ({ expiresAtMs }) => time(expiresAtMs) },
            { title: 'USED', text: ({ usedAtMs }) => time(usedAtMs) },
          ]),
        );
      }
    }),
  );
}

function stateText({ usedAtMs, revoked, expiresAtMs }: Token): string {
  if (usedAtMs > 0n) return 'used';
  if (revoked) return 'revoked';
  return Number(expiresAtMs) <= Date.now() ? 'expired' : 'open';
}

function revoke() {
  return changingCommand('revoke', 'void a token that has not been used')
    .argument('<token-id>')
    .action((tokenId, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const { sequence } = await connection.call(connection.client.revokeToken, { tokenId, reason });
        print(options.json ? wireJson({ tokenId, sequence }) : `token ${tokenId} is void (journal ${sequence})`);
      }),
    );
}
