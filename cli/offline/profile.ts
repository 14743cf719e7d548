import { Command } from '@commander-js/extra-typings';
import { buildBaseline } from '../../client/tracks/syscall/profile/baseline.ts';
import { complain, print } from '../print.ts';

/** `testudo profile FILE…`: trace files into a baseline. */
export function profileCommand() {
  return new Command('profile')
    .description('Make a baseline from trace files: it seeds thresholds and marks calls never seen before.')
    .argument('<files...>', 'trace files, as `testudo record` writes them')
    .option('-o, --output <file>', 'the baseline; gzip when it ends in .gz', 'baseline.json.gz')
    .option('--json', 'print the summary as JSON')
    .action(async (files, { output, json }) => {
      const { workloads, faults } = await buildBaseline(files, output);
      if (json === true) print(`${JSON.stringify({ output, workloads, faults })}`);
      else {
        for (const { name, traces, distinct, calls, differentCalls } of workloads) {
          print(`${name}: ${traces} traces (${distinct} distinct), ${calls} calls of ${differentCalls} kinds`);
        }
      }
      for (const { code, message } of faults) complain(`testudo profile: ${code}: ${message}`);
      // What was readable is in the baseline; a pipeline should still notice the rest.
      if (workloads.length === 0 || faults.length > 0) process.exitCode = 1;
    });
}
