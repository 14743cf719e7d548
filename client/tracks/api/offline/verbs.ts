/** What the verbs on files do for the api track. */
import { z } from 'zod';
import { ok, refuse } from '../../../../base/fault.ts';
import { isoTimeMs } from '../../../../base/text/iso-time.ts';
import type { StoredModel } from '../../model-files.ts';
import type { OfflineKind, OfflineOption, Settings } from '../../offline-kind.ts';
import type { ApiExample } from '../example.ts';
import { evidenceSpec } from '../memory/evidence-table.ts';
import type { ApiJudging } from './judging.ts';

const judgingOptions: readonly OfflineOption[] = [
  { flags: '--cluster <name>', about: 'only rows of this cluster, where a file holds several' },
  {
    flags: '--phase <name>',
    about: 'only rows of these phases of a recording: train, validation, test, with commas between',
  },
  { flags: '--normal <file>', about: 'normal requests of the same cluster that its local memory learns first' },
  { flags: '--normal-phase <name>', about: 'only rows of these phases of the normal requests' },
];

const judging = z.object({
  cluster: z.string().optional(),
  phase: z.string().optional(),
  normal: z.string().optional(),
  normalPhase: z.string().optional(),
});

const mapped = z.object({
  cluster: z.string().optional(),
  phase: z.string().optional(),
  since: z.string().optional(),
});

export const apiOffline: OfflineKind = {
  score: {
    about: 'a table or log of requests, plain or gzip, into one line per chain of calls',
    options: judgingOptions,
    async run({ model, input, output, settings }) {
      const { scoreApiFile } = await import('./judging.ts');
      return await scoreApiFile(judgingOf(model, settings), { input, output });
    },
  },

  evaluate: {
    about: 'labelled tables of requests, plain or gzip',
    options: judgingOptions,
    async run({ model, inputs, complain, settings }) {
      const { evaluateApiFiles } = await import('./judging.ts');
      return await evaluateApiFiles(judgingOf(model, settings), inputs, complain);
    },
  },

  explain: {
    about: 'the chain of calls with this request id',
    options: judgingOptions,
    async run({ model, name, input, settings }) {
      const { explainApiChain } = await import('./judging.ts');
      return await explainApiChain(judgingOf(model, settings), { name, input });
    },
  },

  map: {
    about: 'workloads, edges and templates of requests, which are open and which are new',
    options: [
      { flags: '--cluster <name>', about: 'only rows of this cluster, where a file holds several' },
      { flags: '--phase <name>', about: 'only rows of these phases of a recording' },
      {
        flags: '--since <time>',
        about: 'what was first seen from here on is new: ISO 8601; the last tenth unless given',
      },
    ],
    async run({ inputs, examples, complain, settings }) {
      const { cluster, phase, since } = mapped.parse(settings);
      const sinceMs = since === undefined ? undefined : isoTimeMs(since, { zoneless: 'utc' });
      if (Number.isNaN(sinceMs))
        return refuse('OPTION_WRONG', `--since: expected a time as 2026-11-02T13:00:00Z, got ${since}`);
      const { mapApis } = await import('./mapping.ts');
      const part = partOf(cluster, phase);
      return await mapApis({ inputs, examples: examples as readonly ApiExample[], part, sinceMs, complain });
    },
  },

  init: {
    about: 'a detector of requests to interfaces',
    // One step learns everything: counts have no epochs.
    training: 'training: { epochs: 1, stepsMax: 1, batchSize: 1024, learningRate: 1 }',
    options: [],
    run: async () => {
      const spec = evidenceSpec();
      return ok({ spec, init: () => new Float32Array(Number(spec.hyperparameters.slots)) });
    },
  },
};

function judgingOf(model: StoredModel, settings: Settings): ApiJudging {
  const { cluster, phase, normal, normalPhase } = judging.parse(settings);
  return {
    model,
    part: partOf(cluster, phase),
    normal: normal === undefined ? undefined : { path: normal, part: partOf(cluster, normalPhase) },
  };
}

function partOf(cluster: string | undefined, phase: string | undefined): string | undefined {
  return [cluster, phase].filter((one) => one !== undefined).join('/') || undefined;
}
