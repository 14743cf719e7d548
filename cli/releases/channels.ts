import { Command, Option } from '@commander-js/extra-typings';
import { table } from '../../base/text/table.ts';
import type { Assignment, Channel } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { wireJson } from '../json/wire-json.ts';
import { subjectFrom, subjectMessage, subjectText, textOfSubject, versionFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { allClusters, forceOption, refuseUnknownSubject, warnOfRevoked } from '../operator/known-names.ts';
import { showChange } from '../operator/moves.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo channels`: which clusters follow which version. */
export function channelsCommand() {
  return new Command('channels')
    .description('channels: list, assign clusters to them, set and remove those of your own')
    .addCommand(list())
    .addCommand(assign())
    .addCommand(unassign())
    .addCommand(set())
    .addCommand(remove());
}

function list() {
  return operatorCommand('list', 'channels of a track, and who is assigned to them')
    .argument('<track>')
    .action((track, options) =>
      withConnection(options, async (connection) => {
        const answer = await connection.call(connection.client.listChannels, { track });
        if (options.json) return print(wireJson(answer));
        print(
          table<Channel>(answer.channels, [
            { title: 'CHANNEL', text: ({ name }) => name },
            { title: 'VERSION', text: ({ version }) => String(version), align: 'right' },
            { title: 'RUNS', text: ({ shadows }) => (shadows === '' ? 'live' : `in shadow of ${shadows}`) },
            { title: 'CLUSTERS', text: ({ clusterCount }) => String(clusterCount), align: 'right' },
          ]),
        );
        print(`floor ${answer.floor}\n`);
        if (answer.assignments.length === 0) return print('nobody is assigned: every cluster follows stable');
        print(
          table<Assignment>(answer.assignments, [
            { title: 'WHOM', text: ({ subject }) => textOfSubject(subject) },
            { title: 'CHANNEL', text: ({ channel }) => channel },
          ]),
        );
        print('the first that fits a cluster decides; all others follow stable');
      }),
    );
}

function assign() {
  return triableCommand('assign', 'let a cluster, or all with a label, follow a channel')
    .argument('<track>')
    .argument('<channel>')
    .argument('<cluster|key=value>')
    .option(...forceOption)
    .action((track, channel, whom, options) => {
      const subject = subjectFrom(whom);
      return withConnection(options, async (connection) => {
        const { reason, dryRun = false, force = false } = options;
        const members = await allClusters(connection);
        if (!force) refuseUnknownSubject(members, subject);
        warnOfRevoked(members, subject);
        const request = { track, channel, subject: subjectMessage(subject), reason, dryRun };
        const { change } = await connection.call(connection.client.assignChannel, request);
        showChange(options, `${subjectText(subject)} follows ${channel} of ${track}`, change, { track, channel, whom });
      });
    });
}

function unassign() {
  return triableCommand('unassign', 'take an assignment away')
    .argument('<track>')
    .argument('<cluster|key=value>')
    .action((track, whom, options) => {
      const { reason, dryRun = false } = options;
      const request = { track, subject: subjectMessage(subjectFrom(whom)), reason, dryRun };
      return withConnection(options, async (connection) => {
        const { change } = await connection.call(connection.client.unassignChannel, request);
        showChange(options, `${whom} has no assignment of its own for ${track}`, change, { track, whom });
      });
    });
}

function set() {
  return triableCommand('set', 'make or move a channel: canary, or one of your own')
    .argument('<track>')
    .argument('<channel>')
    .argument('<version>')
    .option('--shadows <channel>', "keep that channel's version live, and run this one's in shadow beside it")
    .addOption(new Option('--live', 'the opposite: its version is live').conflicts('shadows'))
    .action((track, channel, text, options) => {
      const { reason, dryRun = false } = options;
      const version = versionFrom(text);
      return withConnection(options, async (connection) => {
        const shadows = options.live ? '' : options.shadows;
        const request = { track, channel, version: BigInt(version), shadows, reason, dryRun };
        const { change } = await connection.call(connection.client.setChannel, request);
        showChange(options, `${channel} of ${track} points at ${version}`, change, { track, channel, version });
      });
    });
}

function remove() {
  return triableCommand('remove', 'end a channel of your own')
    .argument('<track>')
    .argument('<channel>')
    .action((track, channel, options) =>
      withConnection(options, async (connection) => {
        const { reason, dryRun = false } = options;
        const { change } = await connection.call(connection.client.removeChannel, { track, channel, reason, dryRun });
        showChange(options, `${track} has no channel ${channel}`, change, { track, channel });
      }),
    );
}
