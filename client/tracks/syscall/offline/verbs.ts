/** What the verbs on files do for the syscall track. Detectors load TensorFlow where their architecture needs it. */
import { z } from 'zod';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { abis } from '../../../events/vocabulary.ts';
import type { OpenFileJudge } from '../../file-judge.ts';
import type { StoredModel } from '../../model-files.ts';
import type { OfflineKind, OfflineOption, Settings } from '../../offline-kind.ts';
import { minutesNeedRates, openedRates, rates } from '../../rates-option.ts';
import { openDetector } from '../architectures.ts';
import { defaultSyscallDetector, syscallDetectorNames } from '../detector-names.ts';
import { syscallSpec } from '../detector-specs.ts';
import { SyscallScorer } from '../scoring/scoring.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { evaluateTraceFiles } from './evaluation-report.ts';
import { explainTraceOf } from './explain-trace.ts';
import { syscallModelOf } from './model-folder.ts';
import { type Rating, scoreMinutes } from './rated-traces.ts';
import { learnAlone, relearnt } from './relearnt.ts';
import { scoreTraceFile, summaryText } from './score-file.ts';

const abi: OfflineOption = {
  flags: '--abi <abi>',
  about: 'numbering of the system calls in the input',
  choices: abis,
  default: abis[0],
};
const learnt: readonly OfflineOption[] = [
  { flags: '--normal <file>', about: 'traces whose split "train" it learns anew' },
  {
    flags: '--call-weights <weights>',
    about: 'with --normal: tfidf lets calls that few normal traces of the workload make count more',
    choices: ['none', 'tfidf'],
    default: 'none',
  },
  rates,
  {
    flags: '--flows <file>',
    about: 'flows of the same time and clusters (CSV): sessions and refusals of a workload count for its traces too',
    refusedElsewhere: '--flows: only the syscall track takes flows beside what it judges',
  },
];

const reading = z.object({ abi: z.enum(abis), normal: z.string().optional() });
const judging = reading.extend({
  callWeights: z.enum(['none', 'tfidf']),
  rates: z.string(),
  flows: z.string().optional(),
});
const starting = z.object({
  detector: z.string().default(defaultSyscallDetector),
  classes: z.array(z.string()).optional(),
  arguments: z.boolean().default(false),
});
const argumentsRefused = '--arguments: only --detector lstm-lm reads arguments';
const units = ['trace', 'window', 'minute'] as const;

export const syscallOffline: OfflineKind = {
  score: {
    about: 'a trace file, plain or gzip, "-" for standard input, into one line "name TAB score" per line, in order',
    options: [
      {
        flags: '--by <unit>',
        about: 'one line per trace, per window of 20 calls, or, with rates, per workload and minute',
        choices: units,
      },
      abi,
      ...learnt,
    ],
    async run({ model: stored, input, output, openRates, settings }) {
      const { by: wanted = 'trace' } = settings;
      const by = units.find((unit) => unit === wanted);
      if (by === undefined)
        return refuse('OPTION_WRONG', `--by: the syscall track scores by ${units.join(' or ')}, not by ${wanted}`);
      const opened = await openJudging(stored, settings, openRates);
      if (!opened.ok) return opened;
      const { scorer, abi: numbering, rating } = opened.value;
      try {
        if (by === 'minute') {
          if (rating === undefined) return refuse('OPTION_WRONG', minutesNeedRates);
          return await scoreMinutes(scorer, { input, output }, { abi: numbering }, rating);
        }
        const summary = await scoreTraceFile(scorer, input, output, { by, abi: numbering });
        return summary.ok ? ok(summaryText(summary.value)) : summary;
      } finally {
        scorer.close();
      }
    },
  },

  evaluate: {
    about: 'labelled trace files, plain or gzip',
    options: [abi, ...learnt],
    async run({ model: stored, inputs, complain, openRates, settings }) {
      const opened = await openJudging(stored, settings, openRates);
      if (!opened.ok) return opened;
      const { scorer, abi: numbering, rating } = opened.value;
      try {
        return await evaluateTraceFiles(scorer, inputs, { abi: numbering }, complain, rating);
      } finally {
        scorer.close();
      }
    },
  },

  explain: {
    about: 'which calls carried the score of a trace in a trace file, and what normal looks like instead',
    options: [
      {
        flags: '--normal <file>',
        about: 'trace file with normal traces of the same service to compare with; default: the input',
      },
      abi,
    ],
    async run({ model: stored, name, input, complain, settings }) {
      const { normal = input, abi: numbering } = reading.parse(settings);
      const model = await syscallModelOf(stored);
      if (!model.ok) return model;
      const scorer = new SyscallScorer(model.value);
      const report = await explainTraceOf(scorer, name, { input, normal, abi: numbering }, complain);
      scorer.close();
      return report;
    },
  },

  init: {
    about: 'a detector of system calls',
    training: 'training: { epochs: 1, stepsMax: 1000, batchSize: 64, learningRate: 0.01 }',
    options: [
      {
        flags: '--classes <name...>',
        about:
          "the federation's workload classes, such as nginx redis postgres: every cluster names its workloads by them",
      },
      {
        flags: '--detector <name>',
        about: `what is learnt; by default ${defaultSyscallDetector}`,
        choices: syscallDetectorNames,
      },
      {
        flags: '--arguments',
        about: 'lstm-lm: learn also which paths and ports calls name, by class; needs sources that show arguments',
        refusedElsewhere: argumentsRefused,
      },
    ],
    async run({ settings }) {
      const { detector, classes: names, arguments: withArguments } = starting.parse(settings);
      if (withArguments && detector !== 'lstm-lm') return refuse('OPTION_WRONG', argumentsRefused);
      const known = syscallDetectorNames.find((each) => each === detector);
      if (known === undefined) {
        const all = syscallDetectorNames.join(', ');
        return refuse('OPTION_WRONG', `--detector: the syscall track knows ${all}, not ${detector}`);
      }
      if (names === undefined)
        return refuse(
          'OPTION_WRONG',
          '--classes: the syscall track needs the workload classes, such as nginx redis postgres',
        );
      let classes: WorkloadClasses;
      try {
        classes = new WorkloadClasses(names);
      } catch (error) {
        return refuse('OPTION_WRONG', `--classes: ${(error as Error).message}`);
      }
      if (known === 'ensemble') return ok((await import('../detectors.ts')).syscallDetector(known, classes));
      return ok(await openDetector(syscallSpec(known, classes, { arguments: withArguments })));
    },
  },

  profile: {
    about: 'trace files, as `testudo record` writes them',
    options: [],
    async run({ files, output }) {
      const { baselineText, buildBaseline } = await import('../profile/baseline.ts');
      const built = await buildBaseline(files, output);
      if (!built.ok) return built;
      const { workloads, faults } = built.value;
      const isEmpty = workloads.length === 0;
      const complaints = faults.map(({ code, message }) => `${code}: ${message}`);
      if (isEmpty)
        complaints.push(`INPUT_UNREADABLE: no benign trace with calls in ${files.join(', ')}; no baseline was written`);
      return ok({
        report: { detail: { output, workloads, faults }, text: baselineText(workloads) },
        complaints,
        isEmpty,
      });
    },
  },

  record: {
    about: 'system calls under strace, as a trace file',
    options: [],
    async run(wanted) {
      const { recordCommand } = await import('../profile/record.ts');
      const recorded = await recordCommand(wanted);
      if (!recorded.ok) return recorded;
      const { traces, calls, skipped, exitCode } = recorded.value;
      const left = skipped === 0 ? '' : `, ${skipped} lines skipped`;
      return ok({ exitCode, text: `${traces} traces, ${calls} calls${left} in ${wanted.output}` });
    },
  },
};

type Judging = Readonly<{ scorer: SyscallScorer; abi: (typeof abis)[number]; rating: Rating | undefined }>;

/** A scorer and what counts by the minute, as the settings say. Close the scorer. */
async function openJudging(
  stored: StoredModel,
  settings: Settings,
  openRates: OpenFileJudge | undefined,
): Promise<Result<Judging>> {
  const { normal, callWeights, abi: numbering, rates: interval, flows } = judging.parse(settings);
  const open = openedRates(interval, openRates);
  if (!open.ok) return open;
  const model = await syscallModelOf(stored);
  if (!model.ok) return model;
  const ready = await relearnt(model.value, normal, callWeights, { abi: numbering });
  if (!ready.ok) return ready;
  const { model: judge, normal: known } = ready.value;
  const alone = (cluster: string) => learnAlone(judge, callWeights, cluster);
  const rating = open.value && { open: open.value, normal: known, alone, flows };
  return ok({ scorer: new SyscallScorer(judge), abi: numbering, rating });
}
