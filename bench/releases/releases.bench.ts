import type { Bench } from '../harness/bench.ts';
import { lightScoring } from './light-scoring.ts';
import { measureRollout } from './rollout.ts';
import { measureSwaps } from './swaps.ts';
import { measureVerification } from './verification.ts';

export const bench: Bench = {
  name: 'releases',
  summary:
    'Signed releases: promotion to acknowledged install on 200 agents over mTLS, swaps under load, verification of one release, scoring with its light form.',
  async run(options, report) {
    const wants = (name: string) => options.only === undefined || name.includes(options.only);
    if (wants('verification')) await measureVerification(options, report);
    for (const model of ['gram table', 'language model'] as const) {
      if (wants(`swaps ${model}`)) await measureSwaps(model, options, report);
    }
    if (wants('rollout')) await measureRollout(options, report);
    if (wants('light')) await lightScoring(options, report);
  },
};
