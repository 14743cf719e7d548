import { Command } from '@commander-js/extra-typings';
import { complain, print } from '../print.ts';
import { abridged } from './complaints.ts';
import { addKindOptions, chooseKind, settled } from './kind-options.ts';
import { refuseOverwriting } from './overwriting.ts';

/** `testudo profile FILE…`: files of normal behaviour into a baseline. */
export function profileCommand() {
  const command = new Command('profile')
    .description('Make a baseline from recorded files: it seeds thresholds and marks what was never seen before.')
    .argument('<files...>', 'what `testudo record` writes')
    .option('-o, --output <file>', 'the baseline; gzip when it ends in .gz', 'baseline.json.gz')
    .option('--json', 'print the summary as JSON')
    .action(async (files, { output, json }) => {
      refuseOverwriting(output, files);
      const { operation, settings } = chooseKind(command, 'profile');
      const { report, complaints, isEmpty } = settled(await operation.run({ files, output, settings }));
      if (json === true) print(JSON.stringify(report.detail));
      else if (report.text !== '') print(report.text);
      for (const line of abridged(complaints)) complain(`testudo profile: ${line}`);
      // What could be made of the lines is in the baseline; a pipeline should still notice the rest.
      if (isEmpty || complaints.length > 0) process.exitCode = 1;
    });
  addKindOptions(command, 'profile');
  return command;
}
