import { Command } from '@commander-js/extra-typings';
import { table, time } from '../../base/text/table.ts';
import { addressesIn } from '../../client/link/address.ts';
import { pemOfChain } from '../../coordinator/keys/authority.ts';
import { newOperatorKey, readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { replaceDoorCredentials } from '../../door/credentials.ts';
import type { DoorInfo } from '../../proto/generated/testudo/v1/operator.ts';
import { type FederationId, isFederationId } from '../../proto/ids.ts';
import { claimFile } from '../claimed-file.ts';
import { orExit, usage } from '../exit.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { checkAddresses, enrolAddressOf, enrolmentPortText } from '../operator/enrol-address.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { pages } from '../operator/pages.ts';
import { print } from '../print.ts';

/** `testudo doors`: which processes may take clusters' calls for the coordinator. */
export function doorsCommand() {
  return new Command('doors')
    .description("processes that take clusters' calls for the coordinator: list, add, revoke")
    .addCommand(list())
    .addCommand(add())
    .addCommand(revoke());
}

function list() {
  return operatorCommand('list', 'doors and former doors').action((options) =>
    withConnection(options, async (connection) => {
      const { client } = connection;
      const rows = await pages(
        (page) => connection.call(client.listDoors, { page }),
        ({ doors }) => doors,
      );
      if (options.json) for (const row of rows) print(wireJson(row));
      else {
        print(
          table<DoorInfo>(rows, [
            { title: 'DOOR', text: ({ name }) => name },
            { title: 'CONNECTED', text: ({ connected, revoked }) => (revoked ? 'revoked' : String(connected)) },
            { title: 'WATCHES', text: ({ watches }) => String(watches) },
            { title: 'CERTIFICATE UNTIL', text: ({ certificateExpiresAtMs }) => time(certificateExpiresAtMs) },
            { title: 'HOSTS', text: ({ hosts }) => hosts.join(', ') },
          ]),
        );
      }
    }),
  );
}

function add() {
  return changingCommand('add', 'let a door in, or give one a new key; its credentials go into a new file')
    .argument('<name>')
    .option('--host <name...>', 'host names and addresses by which clusters reach it')
    .option(
      '--leader <host:port>',
      "where it finds coordinators, if not where one's own credentials say; several with commas",
    )
    .option('--enrol <host:port>', `where they enrol; unless given, of each ${enrolmentPortText}`)
    .requiredOption('--out <file>', "the door's credentials: bring them there safely")
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const own = orExit(await readCredentials(options.credentials));
        if (!isFederationId(own.federation)) usage(`${options.credentials}: no federation's credentials`);
        const leader = options.leader ?? options.address ?? own.address;
        const isOwn = options.leader === undefined && options.address === undefined;
        const enrol = options.enrol ?? (isOwn ? own.enrolAddress : undefined) ?? enrolAddressOf(leader);
        const [addresses, enrolAddresses] = [addressesIn(leader), addressesIn(enrol)];
        checkAddresses('--leader', leader, addresses);
        checkAddresses('--enrol', enrol, enrolAddresses);
        claimFile(options.out, 'CREDENTIALS_EXIST');
        const { key, request } = await newOperatorKey();
        const { certificateChain, serverChain, expiresAtMs } = await connection.call(connection.client.addDoor, {
          name,
          hosts: options.host ?? [],
          certificateRequest: request,
          reason: options.reason,
        });
        connection.halfWay({
          done: `door ${name} has new certificates, beside which no older ones count`,
          rest: 'Their key is lost: the same command, with a file that can be written, gives others',
        });
        // The root goes along, as a coordinator's does: newcomers hold it against their token.
        const chains = { certificateChain: pemOfChain(certificateChain), serverChain: pemOfChain(serverChain) };
        const identity = { federation: own.federation as FederationId, name, authority: own.authority, key };
        const places = { addresses: [...addresses], enrolAddresses: [...enrolAddresses] };
        await replaceDoorCredentials(options.out, { ...identity, ...places, ...chains });
        print(
          options.json
            ? wireJson({ name, expiresAtMs, file: options.out })
            : `door ${name} may serve until ${time(expiresAtMs)}, and renews itself while it runs: ${options.out}`,
        );
      }),
    );
}

function revoke() {
  return changingCommand('revoke', "take a door's rights away: its calls are refused from then on")
    .argument('<name>')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const { sequence } = await connection.call(connection.client.revokeDoor, { name, reason: options.reason });
        print(options.json ? wireJson({ name, sequence }) : `door ${name} is refused (journal ${sequence})`);
      }),
    );
}
