import { Command, Option } from '@commander-js/extra-typings';
import { scoreTraceFile } from '../../client/tracks/syscall/offline/score-file.ts';
import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { orExit, usage } from '../exit.ts';
import { complain } from '../print.ts';
import { flowOptions, scoreFlows } from './flow-verbs.ts';
import { abiOption, callWeightsOption, dataOption, modelOption, openSyscallModel, relearnt } from './model-options.ts';

/** `testudo score`: scores a file of traces with a model, offline. */
export function scoreCommand() {
  return new Command('score')
    .description(
      'score recorded traces (one line "name TAB score" per input line, in order) or flows (one line per edge and window)',
    )
    .addOption(new Option('--track <track>', 'what the input holds').choices(['syscall', 'flow']).default('syscall'))
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file>', 'trace file, plain or gzip, "-" for standard input; or a CSV file of flows')
    .requiredOption('--output <file>', 'where the scores go; "-" for standard output')
    .addOption(
      new Option(
        '--by <unit>',
        'one score per trace, or per window of 20 calls; for flows per edge, or per workload',
      ).choices(['trace', 'window', 'edge', 'workload']),
    )
    .addOption(abiOption())
    .addOption(flowOptions.cluster())
    .addOption(flowOptions.normal())
    .addOption(flowOptions.window())
    .addOption(callWeightsOption())
    .action(async ({ track, model: path, data, input, output, by, abi, cluster, normal, window, callWeights }) => {
      const units = track === 'flow' ? (['edge', 'workload'] as const) : (['trace', 'window'] as const);
      const unit = by === undefined ? units[0] : units.find((each) => each === by);
      if (unit === undefined) return usage(`--by: the ${track} track scores by ${units.join(' or ')}, not by ${by}`);
      if (unit === 'edge' || unit === 'workload') {
        return scoreFlows({ model: path, input, output, by: unit, cluster, normal, window });
      }
      const model = await relearnt(await openSyscallModel(path, data), normal, callWeights, { abi });
      const scorer = new SyscallScorer(model);
      const summary = orExit(await scoreTraceFile(scorer, input, output, { by: unit, abi }));
      scorer.close();
      const notes = [
        `${summary.traces} traces scored`,
        summary.malformed > 0 &&
          `${summary.malformed} lines unreadable (scored 0), first at ${summary.malformedLines.slice(0, 5).join(', ')}`,
        summary.unknownCalls > 0 && `${summary.unknownCalls} calls unknown`,
        summary.droppedCalls > 0 && `${summary.droppedCalls} calls beyond the length limit left out`,
        summary.broken,
      ];
      complain(`${notes.filter(Boolean).join('; ')}`);
    });
}
