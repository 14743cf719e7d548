import { Command } from '@commander-js/extra-typings';
import { jsonLine, listing } from '../../../base/text/table.ts';
import { exitCodes, exitWith, orExit, usage } from '../../exit.ts';
import { print } from '../../print.ts';
import { type DrillSettings, drills, type RunnableDrill } from './drills.ts';
import { untilInterrupted } from './interruption.ts';
import { introduction, reportText } from './report.ts';

/** `testudo drill`: tries what is relied on, and says what should happen and what happened. */
export function drillCommand() {
  return new Command('drill')
    .description('Drills: each says what it will do, what should happen and what happened, and undoes itself.')
    .addCommand(list())
    .addCommand(run());
}

function list() {
  return new Command('list')
    .description('every drill: what it asks, does, expects and needs, and what it leaves behind')
    .action(() => {
      const texts = drills.map(({ name, asks, does, expects, needs, undoes, isHarmless }) => {
        const harmless = isHarmless ? 'yes: it touches nothing but what it made itself' : 'NO: read what it does';
        return `${name}\n${listing({ asks, does, expects, needs, undoes, harmless })}`;
      });
      print(texts.join('\n\n'));
    });
}

function run() {
  return settled(
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

/** What drills take, the same for all verbs. */
function settled<Arguments extends unknown[]>(command: Command<Arguments>) {
  return command
    .option('-n, --namespace <name>', 'where pods are made; kill-agent: where the agent runs')
    .option('--image <image>', 'quarantine-probe, rotate-canary: an image with a shell and nc', 'busybox:1.37')
    .option('--kubectl <program>', 'kubectl, with the configuration that it finds', 'kubectl')
    .option('--lease <name>', 'kill-agent: the lease that agents hold', 'testudo-agent')
    .option(
      '--policy <file>',
      'alert-flood: the policy, as `response policy example` prints one; that one unless given',
    )
    .option('--pods <count>', 'alert-flood: pods of the cluster', '300')
    .option(
      '--flows <file>',
      'lateral-movement: recorded flows of a cluster of yours, instead of those that come along',
    )
    .option('--model <folder>', 'lateral-movement: a model of the flow track, instead of an untrained one');
}

type Given = Readonly<
  Pick<DrillSettings, 'image' | 'kubectl' | 'lease' | 'pods'> &
    Partial<Record<'namespace' | 'policy' | 'flows' | 'model', string | undefined>>
>;

/** What was not said is undefined; what runs in a rehearsal is the command that was typed. */
function completed(given: Given): DrillSettings {
  const unsaid = { namespace: undefined, policy: undefined, flows: undefined, model: undefined };
  return { ...unsaid, ...given, testudo: process.argv[1] ?? '' };
}

async function runOne(drill: RunnableDrill, settings: DrillSettings) {
  try {
    return orExit(await untilInterrupted((signal) => drill.run(settings, signal)));
  } catch (error) {
    const message = `${(error as Error).message}; what it made was deleted`;
    return exitWith({ code: 'DRILL_FAILED', message });
  }
}
