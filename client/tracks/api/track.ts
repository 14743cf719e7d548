/** The api track: who asks which service for what. An observation is a chain of calls, and has one place. */
import type { TrackKind } from '../track-kind.ts';
import { type ApiCall, type ApiExample, apiCodec } from './example.ts';
import { chainAntigens } from './facts/antigens.ts';
import { evidenceArchitecture } from './memory/evidence-table.ts';
import { ApiIntake } from './requests/api-intake.ts';
import type { ApiChain } from './requests/chain.ts';

export const trackKind: TrackKind<ApiChain, ApiExample> = {
  architectures: [evidenceArchitecture],
  examples: apiCodec,
  watches: 'requests',
  antigens: chainAntigens,
  // 4.5 and 4.4 in the two recorded clusters that its constants were chosen on.
  scoreRange: 4,
  meetsNormalInOrder: true,
  openIntake: (surroundings) => new ApiIntake(surroundings),
  exampleOf: ({ example }) => example,

  subjectOf: ({ server: { namespace, workload } }) => ({ namespace, workload, workloadClass: workload, pod: '' }),

  describe: ({ identity, firstMs, lastMs, client, server, example }) => ({
    identity,
    firstMs,
    lastMs,
    detail: { client, server, calls: example.calls.map(callText), status: example.calls[0]?.status },
  }),

  async openLearner(spec, base) {
    const { openEvidenceLearner } = await import('./learner.ts');
    return openEvidenceLearner(spec, base);
  },

  async openScorer(spec, weights, normal) {
    const { ApiJudge } = await import('./judge/api-judge.ts');
    return new ApiJudge(spec, weights, normal);
  },

  async mapOf(examples) {
    const { sharedMapOf } = await import('./discovery/share-map.ts');
    return sharedMapOf(examples);
  },

  offline: async () => (await import('./offline/verbs.ts')).apiOffline,
};

/** "gateway → orders: GET /orders/{} 200": templates, no values. */
function callText({ caller, server, method, route, status }: ApiCall): string {
  return `${caller || '-'} → ${server}: ${method} ${route} ${status}`;
}
