import { basename } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { recordCommand } from '../../client/tracks/syscall/profile/record.ts';
import { complain } from '../print.ts';

/** `testudo record -- COMMAND`: a workload's own system calls, as a trace file. */
export function recordVerb() {
  return new Command('record')
    .description(
      'Run a command under strace and write its system calls as a trace file: the white baseline of a service.',
    )
    .argument('<command...>', 'the command and its arguments, after --')
    .option('-o, --output <file>', 'the trace file; gzip when it ends in .gz', 'recorded.tsv.gz')
    .option('-w, --workload <class>', 'what kind of workload this is, such as nginx; the command’s name unless given')
    .action(async ([program, ...args], { output, workload }) => {
      if (program === undefined) return;
      const recorded = await recordCommand({
        command: [program, ...args],
        workload: workload ?? basename(program),
        output,
      });
      if (!recorded.ok) {
        complain(`testudo record: ${recorded.fault.code}: ${recorded.fault.message}`);
        process.exitCode = 1;
        return;
      }
      const { traces, calls, skipped, exitCode } = recorded.value;
      const left = skipped === 0 ? '' : `, ${skipped} lines skipped`;
      complain(`testudo record: ${traces} traces, ${calls} calls${left} in ${output}`);
      process.exitCode = exitCode;
    });
}
