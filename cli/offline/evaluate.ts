import { Command, Option } from '@commander-js/extra-typings';
import { jsonLine, table } from '../../base/text/table.ts';
import { readTraceFile } from '../../client/recordings/trace-file.ts';
import {
  type Evaluation,
  evaluate,
  type Labelled,
  type Quality,
  withoutDuplicates,
} from '../../client/tracks/syscall/offline/evaluation.ts';
import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { complain, print } from '../print.ts';
import { evaluateFlows, flowOptions } from './flow-verbs.ts';
import { abiOption, callWeightsOption, dataOption, modelOption, openSyscallModel, relearnt } from './model-options.ts';

/** `testudo evaluate`: how well a model tells hostile from benign in labelled files. */
export function evaluateCommand() {
  return new Command('evaluate')
    .description(
      'measure a model on labelled traces or flows: AUC, detection at 1 % and 5 % false alarms, by family and cluster',
    )
    .addOption(new Option('--track <track>', 'what the input holds').choices(['syscall', 'flow']).default('syscall'))
    .addOption(modelOption())
    .addOption(dataOption())
    .requiredOption('--input <file...>', 'labelled files of traces, plain or gzip, or of flows')
    .addOption(abiOption())
    .option('--json', 'one JSON object instead of tables')
    .addOption(flowOptions.cluster())
    .addOption(flowOptions.normal())
    .addOption(flowOptions.window())
    .addOption(callWeightsOption())
    .action(async ({ track, model: path, data, input, abi, json, cluster, normal, window, callWeights }) => {
      if (track === 'flow') return evaluateFlows({ model: path, input, json, cluster, normal, window });
      const model = await relearnt(await openSyscallModel(path, data), normal, callWeights, { abi });
      const scorer = new SyscallScorer(model);
      const scored: Labelled[] = [];
      for (const file of input) {
        for await (const item of readTraceFile(file, { abi })) {
          if (item.kind === 'trace') scored.push({ trace: item.trace, score: scorer.score([item.trace])[0] ?? 0 });
          else complain(`${file}: ${item.fault.message}`);
        }
      }
      scorer.close();
      const all = evaluate(scored);
      const distinct = evaluate(withoutDuplicates(scored));
      print(json ? jsonLine({ all, withoutDuplicates: distinct }) : tables(all, distinct));
    });
}

function tables(all: Evaluation, distinct: Evaluation): string {
  const overall = [
    { name: 'all traces', ...all.overall },
    { name: 'all, drift counted as benign', ...all.withDrift },
    { name: 'distinct contents', ...distinct.overall },
  ];
  const runs = `intrusions found at 5 % and 1 % false alarms: ${percent(all.runs.foundAt5)}, ${percent(all.runs.foundAt1)} of ${all.runs.count}`;
  const drift = `drift traces alarmed at 5 %: ${percent(all.driftAlarms)} of ${all.drift}`;
  const parts = [
    qualityTable('', overall),
    `${runs}\n${drift}`,
    qualityTable('family', named(all.byFamily)),
    qualityTable('cluster', named(all.byCluster)),
    qualityTable('service', named(all.byService)),
  ];
  return parts.join('\n\n');
}

function qualityTable(title: string, rows: readonly Readonly<{ name: string } & Quality>[]): string {
  return table(rows, [
    { title: title.toUpperCase(), text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => (Number.isNaN(auc) ? '-' : auc.toFixed(4)), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percent(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percent(foundAt1), align: 'right' },
  ]);
}

function named(groups: Readonly<Record<string, Quality>>) {
  return Object.entries(groups).map(([name, quality]) => ({ name, ...quality }));
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`;
}
