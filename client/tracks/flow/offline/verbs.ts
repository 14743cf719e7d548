/** What the verbs on files do for the flow track. TensorFlow is loaded when they run. */
import { z } from 'zod';
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { decimalOf } from '../../../../base/text/number.ts';
import type { OpenFileJudge } from '../../file-judge.ts';
import type { OfflineKind, OfflineOption, Settings } from '../../offline-kind.ts';
import { minutesNeedRates, openedRates, rates } from '../../rates-option.ts';
import { defaultFlowDetector, flowDetectorNames } from '../detector-names.ts';
import type { FlowJudging } from './flow-files.ts';

const judgingOptions: readonly OfflineOption[] = [
  {
    flags: '--cluster <name>',
    about: 'whose local memory in the model folder, and whose rows where a file holds several',
  },
  { flags: '--normal <file>', about: 'normal flows of the same cluster that its local memory learns first' },
  { flags: '--window <seconds>', about: 'length of a window of the service graph', default: '60' },
  rates,
];

const judging = z.object({
  cluster: z.string().optional(),
  normal: z.string().optional(),
  window: z.string(),
  rates: z.string(),
});
const starting = z.object({ detector: z.string().default(defaultFlowDetector), scaleFrom: z.string().optional() });
const scaleRefused = '--scale-from: only --track flow --detector feature-autoencoder has a scale';
const units = ['edge', 'workload', 'minute'] as const;

export const flowOffline: OfflineKind = {
  score: {
    about:
      'a CSV file of flows, plain or gzip, into one line per edge and window, per workload and window, or, with rates, per workload and minute',
    options: [
      {
        flags: '--by <unit>',
        about: 'one line per edge, per workload, or, with rates, per workload and minute',
        choices: units,
      },
      ...judgingOptions,
    ],
    async run({ model, input, output, openRates, settings }) {
      const { by: wanted = 'edge' } = settings;
      const by = units.find((unit) => unit === wanted);
      if (by === undefined)
        return refuse('OPTION_WRONG', `--by: the flow track scores by ${units.join(' or ')}, not by ${wanted}`);
      const chosen = judgingOf(settings, openRates);
      if (!chosen.ok) return chosen;
      if (by === 'minute' && chosen.value.rates === undefined) return refuse('OPTION_WRONG', minutesNeedRates);
      const { scoreFlowFile } = await import('./flow-files.ts');
      return await scoreFlowFile({ model, ...chosen.value }, { input, output, by });
    },
  },

  evaluate: {
    about: 'labelled CSV files of flows, plain or gzip',
    options: [
      ...judgingOptions,
      {
        flags: '--hide-edges <share>',
        about:
          'instead: hide this share of the edges, above 0 and below 1, and measure how well the model predicts them',
        refusedElsewhere: '--hide-edges: only the flow track has edges to hide',
      },
    ],
    async run({ model, inputs, complain, openRates, settings }) {
      const chosen = judgingOf(settings, openRates);
      if (!chosen.ok) return chosen;
      const { evaluateFlowFiles, evaluateHiddenEdges } = await import('./flow-files.ts');
      if (settings.hideEdges !== undefined) {
        const share = decimalOf(String(settings.hideEdges));
        if (!(share > 0 && share < 1))
          return refuse(
            'OPTION_WRONG',
            `--hide-edges: expected a share above 0 and below 1, got ${settings.hideEdges}`,
          );
        return await evaluateHiddenEdges({ model, ...chosen.value }, inputs, share);
      }
      return await evaluateFlowFiles({ model, ...chosen.value }, inputs, complain);
    },
  },

  init: {
    about: 'a detector of flows',
    // Graphs are small: an epoch over one is a few steps.
    training: 'training: { epochs: 2, stepsMax: 200, batchSize: 32, learningRate: 0.01 }',
    options: [
      {
        flags: '--detector <name>',
        about: `what is learnt; by default ${defaultFlowDetector}`,
        choices: flowDetectorNames,
      },
      {
        flags: '--scale-from <file>',
        about:
          'feature-autoencoder: flow records (CSV) that all clusters may know; their scale becomes part of the spec',
        refusedElsewhere: scaleRefused,
      },
    ],
    async run({ settings }) {
      const { detector, scaleFrom } = starting.parse(settings);
      if (scaleFrom !== undefined && detector !== 'feature-autoencoder') return refuse('OPTION_WRONG', scaleRefused);
      const known = flowDetectorNames.find((each) => each === detector);
      if (known === undefined) {
        const all = flowDetectorNames.join(', ');
        return refuse('OPTION_WRONG', `--detector: the flow track knows ${all}, not ${detector}`);
      }
      const { flowDetectorStart } = await import('../detectors.ts');
      if (scaleFrom === undefined) return ok(flowDetectorStart(known));
      const { readFlowWindows } = await import('./flow-windows.ts');
      const sample = await readFlowWindows(scaleFrom, { windowMs: 60_000 });
      if (!sample.ok) return sample;
      if (sample.value.windows.length === 0)
        return refuse('OPTION_WRONG', `--scale-from: ${scaleFrom} has no flows that can be used`);
      return ok(flowDetectorStart(known, sample.value.windows));
    },
  },
};

type Judging = Omit<FlowJudging, 'model'>;

function judgingOf(settings: Settings, openRates: OpenFileJudge | undefined): Result<Judging, 'OPTION_WRONG'> {
  const { window, rates: interval, ...rest } = judging.parse(settings);
  const windowMs = decimalOf(window) * 1_000;
  if (!(windowMs >= 1)) return refuse('OPTION_WRONG', `--window: expected seconds above 0, got ${window}`);
  const opened = openedRates(interval, openRates);
  return opened.ok ? ok({ ...rest, windowMs, rates: opened.value?.() }) : opened;
}
