import { shellWord } from '../../base/text/shell-word.ts';
import { usage } from '../exit.ts';
import { trackAndVersionFrom, versionFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { showChange } from '../operator/moves.ts';
import { triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';
import { headText } from '../rounds/track-head.ts';

/** `testudo promote`: a channel goes forward. */
export function promoteCommand() {
  return triableCommand('promote', 'move stable, or another channel, forward to a version')
    .argument('<track[@version]>', 'without a version: the one in canary')
    .option('--channel <name>', 'which channel', 'stable')
    .action((name, options) => {
      const { track, version: wanted } = trackAndVersionFrom(name);
      const { reason, channel, dryRun = false } = options;
      const request = { track, version: optional(wanted), channel, reason, dryRun };
      return withConnection(options, async (connection) => {
        const { version, change } = await connection.call(connection.client.promote, request);
        showChange(options, `${channel} of ${track} is ${version}`, change, { track, channel, version });
      });
    });
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
    .action((name, options) => {
      const { track, version: misplaced } = trackAndVersionFrom(name);
      if (misplaced !== undefined) usage(`${name}: a track alone; say the version as --to ${misplaced}`);
      const { reason, to, training, dryRun = false } = options;
      const request = { track, version: optional(to === undefined ? undefined : versionFrom(to)), reason, dryRun };
      return withConnection(options, async (connection) => {
        const { version, change } = await connection.call(connection.client.rollBack, request);
        const sentence = `stable of ${track} is ${version}`;
        // A repeat without `--to` would go a version further back.
        const rest = `testudo tracks head ${track} ${version} --reason ${shellWord(reason)}`;
        if (!dryRun) {
          connection.halfWay({
            done: `${sentence} (journal ${change?.sequence ?? 0n})`,
            rest: `Do not repeat the rollback: \`${rest}\` does the rest`,
          });
        }
        const moved = training
          ? await connection.call(connection.client.moveHead, { track, version, reason, dryRun })
          : undefined;
        showChange(options, sentence, change, { track, version, ...(moved && { head: moved }) });
        if (moved !== undefined && !options.json) print(headText(track, moved, dryRun));
      });
    });
}

function optional(version: number | undefined): bigint | undefined {
  return version === undefined ? undefined : BigInt(version);
}
