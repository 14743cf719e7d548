import { jsonLine } from '../../base/text/table.ts';
import type { MoveHeadResponse } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { versionFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo tracks head`: what the next round starts from. */
export function headCommand() {
  return triableCommand('head', 'let the next round start from another version; what is served stays as it is')
    .argument('<track>')
    .argument('<version>')
    .action((track, text, options) => {
      const { reason, dryRun = false } = options;
      const request = { track, version: BigInt(versionFrom(text)), reason, dryRun };
      return withConnection(options, async (connection) => {
        const moved = await connection.call(connection.client.moveHead, request);
        print(options.json ? jsonLine({ track, dryRun, ...moved }) : headText(track, moved, dryRun));
      });
    });
}

export function headText(track: string, { before, after, openRound, sequence }: MoveHeadResponse, dryRun: boolean) {
  const where = dryRun ? 'dry run, nothing was changed' : `journal ${sequence}`;
  const verb = dryRun ? 'would start' : 'starts';
  const from = before?.version === after?.version ? '' : `, before from ${before?.version} (${where})`;
  const moved = `the next round of ${track} ${verb} from version ${after?.version}${from}`;
  if (openRound === '') return moved;
  return `${moved}\n${openRound} runs and started from another version: its candidate will not be what comes next`;
}
