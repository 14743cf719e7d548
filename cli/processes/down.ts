import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { lockFolder } from '../../base/folder-lock.ts';
import { jsonLine } from '../../base/text/table.ts';
import { endAll } from '../../lab/standing/down.ts';
import { placesIn, readState } from '../../lab/standing/standing-state.ts';
import { exitWith, orExit } from '../exit.ts';
import { chosenContext } from '../operator/contexts.ts';
import { complain, print } from '../print.ts';
import { standingFolder } from './up.ts';

/** `testudo down`: ends the processes that `testudo up` started in a folder; its files stay. */
export function downCommand() {
  return new Command('down')
    .description('end the coordinator and the clusters that `testudo up` started; nothing of theirs is lost')
    .argument('[folder]', `where they were started (${standingFolder}, else where the current context is up)`)
    .option('--json', 'what was ended, one a line')
    .action(async (place, { json }) => {
      const folder = resolve(place ?? placeOfContext() ?? standingFolder);
      const nothing = () =>
        exitWith({ code: 'NOTHING_UP', message: `nothing was ever up in ${folder}: name the folder that was` });
      if (!existsSync(placesIn(folder).state)) nothing();
      const lock = orExit(lockFolder(folder));
      try {
        const state = orExit(await readState(folder)) ?? nothing();
        const ended = await endAll(folder, state);
        if (json) for (const one of ended) print(jsonLine(one));
        else for (const { name, pid, how } of ended) print(`${name}: process ${pid} ${how}`);
        if (ended.length === 0) complain('nothing was up');
      } finally {
        lock.release();
      }
    });
}

/** Where the federation of the current context is up, if the usual place has none. */
function placeOfContext(): string | undefined {
  if (existsSync(placesIn(resolve(standingFolder)).state)) return undefined;
  const context = chosenContext(undefined);
  const folder = context === undefined ? undefined : dirname(dirname(context.credentials));
  return folder !== undefined && existsSync(placesIn(folder).state) ? folder : undefined;
}
