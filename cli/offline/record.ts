import { basename } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { onOneLine } from '../../base/text/printable.ts';
import { usage } from '../exit.ts';
import { complain } from '../print.ts';
import { addKindOptions, chooseKind } from './kind-options.ts';

/** `testudo record -- COMMAND`: what a workload does, as a file that `testudo profile` reads. */
export function recordVerb() {
  const command = new Command('record')
    .description('Run a command and record what it does: the white baseline of a service.')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('-o, --output <file>', 'the trace file; gzip when it ends in .gz', 'recorded.tsv.gz')
    .option('-w, --workload <class>', 'what kind of workload this is, such as nginx; the command’s name unless given')
    .action(async ([program, ...args], { output, workload }) => {
      if (program === undefined) return;
      if (workload === '' || (workload !== undefined && onOneLine(workload) !== workload)) {
        usage('--workload: expected a name without control characters: it is a column of the trace file');
      }
      const { operation, settings } = chooseKind(command, 'record');
      const recorded = await operation.run({
        command: [program, ...args],
        workload: workload ?? onOneLine(basename(program)),
        output,
        settings,
      });
      if (!recorded.ok) {
        complain(`testudo record: ${recorded.fault.code}: ${recorded.fault.message}`);
        process.exitCode = 1;
        return;
      }
      process.exitCode = recorded.value.exitCode;
      // Where nobody reads it any more, the exit code is the command's all the same.
      process.stderr.on('error', () => undefined);
      complain(`testudo record: ${recorded.value.text}`);
    });
  addKindOptions(command, 'record');
  return command;
}
