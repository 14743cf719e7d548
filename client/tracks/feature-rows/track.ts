/** The track of feature rows: how each flow or process window looks in numbers, without who or when. */
import { z } from 'zod';
import { type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { SourceIntake } from '../../events/intake.ts';
import type { SourceItem } from '../../events/source-item.ts';
import type { Learner } from '../learner.ts';
import type { TrackKind } from '../track-kind.ts';
import { decodeRow, encodeRow, type FeatureRow, featureRowsArchitecture } from './feature-row.ts';

const settings = z.strictObject({ path: z.string().min(1) });
const track = 'feature-rows';
const batchSize = 256;

export const trackKind: TrackKind<FeatureRow, FeatureRow> = {
  architectures: [featureRowsArchitecture],
  examples: { encode: encodeRow, decode: decodeRow },

  /** A table that is there as a whole; rows that carry a label of an attack are passed over: they are not to be learnt. */
  async *openSource(given, { signal }) {
    const { path } = settings.parse(given);
    const { readRows } = await import('./row-table.ts');
    let items: SourceItem[] = [];
    for await (const item of readRows(path)) {
      if (signal.aborted) return;
      if (item.kind === 'broken') throw new Error(item.message);
      if (item.kind === 'malformed')
        items.push({ kind: 'skipped', reason: 'MALFORMED_CSV', where: `${path}:${item.line}` });
      else if (item.label === '') items.push({ kind: 'ofTrack', track, value: item.row });
      if (items.length < batchSize) continue;
      yield { items, cursor: undefined };
      items = [];
    }
    yield { items, cursor: undefined };
  },

  openIntake: () => ({ from: () => rowIntake }),
  exampleOf: (row) => row,
  subjectOf: ({ group }) => ({ namespace: '', workload: group, workloadClass: group, pod: '' }),
  describe: (row) => ({ identity: digestOf(encodeRow(row)), firstMs: 0, lastMs: 0, detail: { group: row.group } }),

  async openLearner(spec, base) {
    const { featureRowsLearner } = await import('./feature-rows-learner.ts');
    try {
      return featureRowsLearner(spec, base) as Result<Learner<unknown, FeatureRow>, never>;
    } catch (error) {
      return refuse('MODEL_UNUSABLE', (error as Error).message);
    }
  },

  async openScorer(spec, weights, normal) {
    const { FeatureRowsJudge } = await import('./feature-rows-judge.ts');
    return new FeatureRowsJudge(spec, weights, normal);
  },

  offline: async () => (await import('./offline/verbs.ts')).featureRowsOffline,
};

/** Every row is an observation of its own: nothing is held. */
const rowIntake: SourceIntake<FeatureRow> = {
  push: (item) => (item.kind === 'ofTrack' && item.track === track ? [item.value as FeatureRow] : []),
  expire: () => [],
  flush: () => [],
  oldest: () => undefined,
};
