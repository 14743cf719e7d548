import { Command } from '@commander-js/extra-typings';
import { jsonLine, listing } from '../../../base/text/table.ts';
import { exitCodes, exitWith, orExit, usage } from '../../exit.ts';
import { print } from '../../print.ts';
import { completed, withSettings } from './drill-settings.ts';
import { type DrillSettings, drills, type RunnableDrill } from './drills.ts';
import { untilInterrupted } from './interruption.ts';
import { introduction, reportText } from './report.ts';
import { reportCommand, scheduleCommand } from './schedule/schedule.ts';

/** `testudo drill`: tries what is relied on, and says what should happen and what happened. */
export function drillCommand() {
  return new Command('drill')
    .description('Drills: each says what it will do, what should happen and what happened, and undoes itself.')
    .addCommand(list())
    .addCommand(run())
    .addCommand(scheduleCommand())
    .addCommand(reportCommand());
}

function list() {
  return new Command('list')
    .description('every drill: what it asks, does, expects and needs, and what it leaves behind')
    .option('--json', 'one JSON value a line')
    .action(({ json }) => {
      if (json === true) {
        for (const { name, asks, does, expects, needs, undoes, isHarmless } of drills) {
          print(jsonLine({ name, asks, does, expects, needs, undoes, isHarmless }));
        }
        return;
      }
      const texts = drills.map(({ name, asks, does, expects, needs, undoes, isHarmless }) => {
        const harmless = isHarmless ? 'yes: it touches nothing but what it made itself' : 'NO: read what it does';
        return `${name}\n${listing({ asks, does, expects, needs, undoes, harmless })}`;
      });
      print(texts.join('\n\n'));
    });
}

function run() {
  return withSettings(
    new Command('run').description('run one').argument('<drill>', drills.map(({ name }) => name).join(', ')),
  )
    .option('--json', 'one JSON value a line')
    .action(async (name, { json, ...settings }) => {
      const drill = drills.find((one) => one.name === name);
      if (drill === undefined) return usage(`no drill ${name}; there are ${drills.map((one) => one.name).join(', ')}`);
      if (json !== true) print(`${introduction(drill)}\n`);
      const checks = await runOne(drill, completed(settings));
      if (json === true) for (const check of checks) print(jsonLine(check));
      else print(reportText(checks));
      if (checks.some(({ verdict }) => verdict === 'NOT as expected')) process.exitCode = exitCodes.refused;
      return undefined;
    });
}

async function runOne(drill: RunnableDrill, settings: DrillSettings) {
  try {
    return orExit(await untilInterrupted((signal) => drill.run(settings, signal)));
  } catch (error) {
    const message = `${(error as Error).message}; what it made was deleted`;
    return exitWith({ code: 'DRILL_FAILED', message });
  }
}
