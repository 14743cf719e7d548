import { shellWord } from '../../base/text/shell-word.ts';
import { exitWith, orExit } from '../exit.ts';
import { trackAndVersionFrom, versionFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { headText, moveHead } from '../rounds/track-head.ts';

/** `testudo promote`: a channel goes forward. */
export function promoteCommand() {
  return triableCommand('promote', 'move stable, or another channel, forward to a version')
    .argument('<track[@version]>', 'without a version: the one in canary')
    .option('--channel <name>', 'which channel', 'stable')
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const { track, version: wanted } = trackAndVersionFrom(name);
        const { reason, channel, dryRun = false } = options;
        const request = { track, version: optional(wanted), channel, reason, dryRun };
        const { version, change } = await connection.call(connection.client.promote, request);
        showChange(options, `${channel} of ${track} is ${version}`, change, { track, channel, version });
      }),
    );
}

/** `testudo rollback`: stable goes back; with `--training`, so does what the next round starts from. */
export function rollbackCommand() {
  return triableCommand('rollback', 'move stable back to an earlier version, never below the floor')
    .argument('<track>')
    .option('--to <version>', 'the version; without it the newest legal one before the present')
    .option(
      '--training',
      'let the next round start from that version in any case, not only if it was to build on this one',
    )
    .action((name, options) =>
      withConnection(options, async (connection) => {
        const { track } = trackAndVersionFrom(name);
        const { reason, to, training, dryRun = false } = options;
        const request = { track, version: optional(to === undefined ? undefined : versionFrom(to)), reason, dryRun };
        const { version, change } = await connection.call(connection.client.rollBack, request);
        const head = training ? await moveHead(connection, { track, version, reason, dryRun }) : undefined;
        if (head?.ok === false && !dryRun) {
          const { code, message } = head.fault;
          const rest = `testudo tracks head ${track} ${version} --reason ${shellWord(reason)}`;
          // A repeat without `--to` would go a version further back.
          exitWith({
            code: 'HALF_DONE',
            message: `stable of ${track} is ${version} (journal ${change?.sequence ?? 0n}), and what the next round starts from was to follow: ${code}: ${message}. Do not repeat the rollback: \`${rest}\` does the rest`,
          });
        }
        const moved = head && orExit(head);
        showChange(options, `stable of ${track} is ${version}`, change, {
          track,
          version,
          ...(moved && { head: moved }),
        });
        if (moved !== undefined && !options.json) print(headText(track, moved, dryRun));
      }),
    );
}

function optional(version: number | undefined): bigint | undefined {
  return version === undefined ? undefined : BigInt(version);
}
