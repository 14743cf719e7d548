import { Command } from '@commander-js/extra-typings';
import { refuse } from '../../base/fault.ts';
import { isBenign, type Trace } from '../../client/events/trace.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';
import { explainTrace, explanationText, normalWindows } from '../../client/tracks/syscall/scoring/explain.ts';
import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { exitWith } from '../exit.ts';
import { complain, print } from '../print.ts';
import { abiOption, dataOption, modelOption, openSyscallModel } from './model-options.ts';

/** `testudo explain`: why one recorded trace scored as it did. */
export function explainCommand() {
  return new Command('explain')
    .description('say which calls carried the score of a recorded trace, and what normal looks like instead')
    .argument('<trace>', 'name of the trace')
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file>', 'the trace file that holds it')
    .option('--normal <file>', 'trace file with normal traces of the same service to compare with; default: the input')
    .addOption(abiOption())
    .option('--json', 'JSON instead of text')
    .action(async (name, { model: path, data, input, normal = input, abi, json }) => {
      const scorer = new SyscallScorer(await openSyscallModel(path, data));
      let wanted: Trace | undefined;
      for await (const item of readTraceFile(input, { abi })) {
        if (item.kind === 'broken') complain(`${item.fault.message}`);
        if (item.kind === 'trace' && item.trace.name === name && item.trace.calls.length > 0) wanted ??= item.trace;
      }
      if (wanted === undefined)
        return exitWith(refuse('TRACE_NOT_FOUND', `${input} holds no trace named ${name} with calls`).fault);
      const trace = wanted;
      const usual: Uint16Array[] = [];
      for await (const item of readTraceFile(normal, { abi })) {
        if (item.kind !== 'trace' || item.trace.service !== trace.service || !isBenign(item.trace)) continue;
        if (item.trace.name !== name && usual.length < 500) usual.push(item.trace.calls);
      }
      const surprisalOf = (calls: Uint16Array) => scorer.surprisal({ ...trace, calls });
      const explanation = explainTrace(trace.calls, surprisalOf, normalWindows(usual));
      const score = scorer.score([trace])[0] as number;
      scorer.close();
      const labels = { name, cluster: trace.cluster, service: trace.service, score };
      print(
        json
          ? JSON.stringify({ ...labels, ...explanation })
          : `${name} (${trace.service}): score ${score.toFixed(3)}\n${explanationText(explanation)}`,
      );
    });
}
