import { Command, Option } from '@commander-js/extra-typings';
import { loadModelFolder } from '../client/model-folder.ts';
import { scoreTraceFile } from '../client/score-file.ts';
import { SyscallScorer } from '../client/scoring.ts';
import { orExit } from './exit.ts';
import { abiOption, modelOption } from './model-options.ts';

/** `testudo score`: scores a file of traces with a model, offline. */
export function scoreCommand() {
  return new Command('score')
    .description('score recorded traces with a model: one line "name TAB score" per input line, in order')
    .addOption(new Option('--track <track>', 'what the input holds').choices(['syscall']).default('syscall'))
    .addOption(modelOption())
    .requiredOption('--input <file>', 'trace file, plain or gzip; "-" for standard input')
    .requiredOption('--output <file>', 'where the scores go; "-" for standard output')
    .addOption(
      new Option('--by <unit>', 'one score per trace, or per window of 20 calls')
        .choices(['trace', 'window'])
        .default('trace'),
    )
    .addOption(abiOption())
    .action(async ({ model: path, input, output, by, abi }) => {
      const model = orExit(await loadModelFolder(path));
      const scorer = new SyscallScorer(model);
      const summary = orExit(await scoreTraceFile(scorer, input, output, { by: by as 'trace' | 'window', abi }));
      scorer.close();
      const notes = [
        `${summary.traces} traces scored`,
        summary.malformed > 0 &&
          `${summary.malformed} lines unreadable (scored 0), first at ${summary.malformedLines.slice(0, 5).join(', ')}`,
        summary.unknownCalls > 0 && `${summary.unknownCalls} calls unknown`,
        summary.droppedCalls > 0 && `${summary.droppedCalls} calls beyond the length limit left out`,
        summary.broken,
      ];
      process.stderr.write(`${notes.filter(Boolean).join('; ')}\n`);
    });
}
