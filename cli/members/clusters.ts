import { Command } from '@commander-js/extra-typings';
import { table, time } from '../../base/text/table.ts';
import type { Cluster } from '../../proto/generated/testudo/v1/operator.ts';
import { wireJson } from '../json/wire-json.ts';
import { withConnection } from '../operator/connection.ts';
import { allClusters, warnOfRevoked } from '../operator/known-names.ts';
import { changingCommand, operatorCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { showCommand, statusText } from './cluster-show.ts';
import { labelCommand } from './label.ts';
import { reputationCommand } from './reputation.ts';

/** `testudo clusters`: members of the federation. */
export function clustersCommand() {
  return new Command('clusters')
    .description('members: list, show, reputation, revoke, quarantine, approve, label')
    .addCommand(list())
    .addCommand(showCommand())
    .addCommand(reputationCommand())
    .addCommand(revoke())
    .addCommand(quarantine(true))
    .addCommand(quarantine(false))
    .addCommand(approve())
    .addCommand(labelCommand());
}

function list() {
  return operatorCommand('list', 'members and former members').action((options) =>
    withConnection(options, async (connection) => {
      const rows = await allClusters(connection);
      if (options.json) for (const row of rows) print(wireJson(row));
      else print(table<Cluster>(rows, columns));
    }),
  );
}

const columns = [
  { title: 'CLUSTER', text: ({ name }: Cluster) => name },
  { title: 'STATUS', text: statusText },
  { title: 'CONNECTED', text: ({ connected }: Cluster) => (connected ? 'yes' : 'no') },
  { title: 'BUILD', text: ({ build }: Cluster) => build },
  { title: 'ENROLLED', text: ({ enrolledAtMs }: Cluster) => time(enrolledAtMs) },
  { title: 'CERTIFICATE UNTIL', text: ({ certificateExpiresAtMs }: Cluster) => time(certificateExpiresAtMs) },
  { title: 'LABELS', text: ({ labels }: Cluster) => labels.map(({ key, value }) => `${key}=${value}`).join(',') },
];

function revoke() {
  return changingCommand('revoke', 'end a membership: its certificate is refused and its streams are cut')
    .argument('<cluster>')
    .action((cluster, options) =>
      withConnection(options, async (connection) => {
        const { reason } = options;
        const { sequence } = await connection.call(connection.client.revokeCluster, { cluster, reason });
        print(options.json ? wireJson({ cluster, sequence }) : `${cluster} is revoked (journal ${sequence})`);
      }),
    );
}

function quarantine(quarantined: boolean) {
  const name = quarantined ? 'quarantine' : 'release';
  const summary = quarantined ? 'keep its updates out of aggregation' : 'let its updates in again';
  return changingCommand(name, summary)
    .argument('<cluster>')
    .action((cluster, options) =>
      withConnection(options, async (connection) => {
        if (quarantined) warnOfRevoked(await allClusters(connection), { cluster });
        const request = { cluster, quarantined, reason: options.reason };
        const { sequence } = await connection.call(connection.client.setQuarantine, request);
        const state = quarantined ? 'quarantined' : 'released';
        print(
          options.json ? wireJson({ cluster, quarantined, sequence }) : `${cluster} is ${state} (journal ${sequence})`,
        );
      }),
    );
}

function approve() {
  return changingCommand('approve', 'say anew which workload classes it may declare: these, and no others')
    .argument('<cluster>')
    .argument('[classes...]', 'all of them; none where there is nothing left to approve')
    .action((cluster, classes, options) =>
      withConnection(options, async (connection) => {
        const request = { cluster, classes, reason: options.reason };
        const { sequence } = await connection.call(connection.client.setApprovedClasses, request);
        const may = classes.length === 0 ? 'no class' : classes.toSorted().join(', ');
        const told = `${cluster} may declare ${may} from the next round on (journal ${sequence})`;
        print(options.json ? wireJson({ cluster, classes: classes.toSorted(), sequence }) : told);
      }),
    );
}
