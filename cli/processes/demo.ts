import { Command } from '@commander-js/extra-typings';
import { abis } from '../../client/events/vocabulary.ts';
import { demoChoices, demoTracks, parseOptions } from '../../demo/options.ts';
import { ruleHelp } from '../../demo/rule.ts';
import { openScreen } from '../../demo/screen.ts';
import { recordedPath as recorded } from '../../lab/data/recorded-traces.ts';
import { exitCodes, orExit } from '../exit.ts';
import { complain } from '../print.ts';

/** `testudo demo`: the main job. A coordinator and its clusters on this machine, some of them hostile, on recorded data. */
export function demoCommand() {
  return new Command('demo')
    .description('run a federation on recorded system calls, some of its clusters hostile, and report what it is worth')
    .option('--data <file>', 'labelled traces, plain or gzip', recorded)
    .option('--abi <abi>', `numbering of the system calls in the data: ${abis.join(', ')}`, abis[0])
    .option(
      '--partition <kind>',
      'how traces become clusters: column, service or dirichlet:ALPHA (default: what suits the file)',
    )
    .option('--clusters <count>', 'how many clusters', '8')
    .option('--hostile <count>', 'how many of them lie', '2')
    .option('--rounds <count>', 'how many rounds', '6')
    .option('--rule <name>', `the aggregation: ${ruleHelp} (default: the policy that a federation starts with)`)
    .option('--detector <name>', demoChoices.detectors.join(' or '), demoChoices.detector)
    .option('--tracks <list>', demoChoices.tracks, demoTracks.join(','))
    .option('--seed <number>', 'of everything random', '1')
    .option('--out <folder>', 'where report and model go', 'out')
    .action(async (flags) => {
      const { partition, rule, ...rest } = flags;
      const places = { data: recorded, detector: demoChoices.detector };
      const options = parseOptions({ partition, rule, ...rest }, places);
      if (!options.ok) {
        complain(`${options.fault.message}`);
        process.exitCode = exitCodes.usage;
        return;
      }
      const { runDemo } = await import('../../demo/run.ts'); // It needs add-ons; --help and completion do not.
      const screen = openScreen(process.stdout);
      try {
        // Its processes run the command that was typed.
        orExit(await runDemo(options.value, process.argv[1] ?? '', screen));
      } finally {
        screen.clear();
      }
    });
}
