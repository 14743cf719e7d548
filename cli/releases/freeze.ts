import { table, time } from '../../base/text/table.ts';
import type { Freeze, HeldRound } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { wireJson } from '../json/wire-json.ts';
import { timeFrom } from '../operator/arguments.ts';
import { withConnection } from '../operator/connection.ts';
import { operatorCommand, triableCommand } from '../operator/options.ts';
import { print } from '../print.ts';

/** `testudo freeze`: no round opens and no channel moves by itself. */
export function freezeCommand() {
  return triableCommand('freeze', 'for a time, let no round open and no channel move by itself')
    .argument('[track...]', 'none means all')
    .requiredOption('--until <time>', 'its end: 2026-12-24T18:00Z, or 36h, 14d from now')
    .option('--from <time>', 'its begin, if not now')
    .action((tracks, options) => {
      const nowMs = Date.now();
      const untilMs = BigInt(timeFrom('--until', options.until, nowMs));
      const fromMs = BigInt(options.from === undefined ? 0 : timeFrom('--from', options.from, nowMs));
      const { reason, dryRun = false } = options;
      const request = { tracks, fromMs, untilMs, reason, dryRun };
      return withConnection(options, async (connection) => {
        const { freezeId, held, sequence } = await connection.call(connection.client.setFreeze, request);
        if (options.json) return print(wireJson({ freezeId, tracks, fromMs, untilMs, dryRun, held, sequence }));
        const what = tracks.length === 0 ? 'every track' : tracks.join(', ');
        const where = dryRun ? 'dry run, nothing was changed' : `freeze ${freezeId}, journal ${sequence}`;
        const begin = fromMs > nowMs ? ` from ${time(fromMs)}` : '';
        const verb = dryRun ? 'would be' : begin === '' ? 'is' : 'will be';
        print(`${what} ${verb} frozen${begin} until ${time(untilMs)} (${where})`);
        if (held.length === 0) return print('no schedule would open a round meanwhile');
        print('rounds that wait, one for each track afterwards:');
        print(
          table<HeldRound>(held, [
            { title: 'TRACK', text: ({ track }) => track },
            { title: 'AT', text: ({ atMs }) => time(atMs) },
          ]),
        );
      });
    });
}

/** `testudo unfreeze`: ends a freeze before its time. */
export function unfreezeCommand() {
  return triableCommand('unfreeze', 'end a freeze before its time')
    .argument('<freeze>', 'its id, as `testudo freezes` shows it')
    .action((freezeId, options) =>
      withConnection(options, async (connection) => {
        const { reason, dryRun = false } = options;
        const { freeze, sequence } = await connection.call(connection.client.liftFreeze, { freezeId, reason, dryRun });
        if (options.json) return print(wireJson({ freeze, dryRun, sequence }));
        const where = dryRun ? 'dry run, nothing was changed' : `journal ${sequence}`;
        print(`${freezeId} ${dryRun ? 'would be' : 'is'} lifted; it was for: ${freeze?.reason ?? ''} (${where})`);
      }),
    );
}

/** `testudo freezes`: those in force or to come. */
export function freezesCommand() {
  return operatorCommand('freezes', 'freezes in force or to come, soonest end first').action((options) =>
    withConnection(options, async (connection) => {
      const { freezes } = await connection.call(connection.client.listFreezes, {});
      if (options.json) for (const row of freezes) print(wireJson(row));
      else {
        print(
          table<Freeze>(freezes, [
            { title: 'FREEZE', text: ({ freezeId }) => freezeId },
            { title: 'TRACKS', text: ({ tracks }) => (tracks.length === 0 ? 'all' : tracks.join(', ')) },
            { title: 'FROM', text: ({ fromMs }) => time(fromMs) },
            { title: 'UNTIL', text: ({ untilMs }) => time(untilMs) },
            { title: 'SET BY', text: ({ setBy }) => setBy },
            { title: 'WHY', text: ({ reason }) => reason },
          ]),
        );
      }
    }),
  );
}
