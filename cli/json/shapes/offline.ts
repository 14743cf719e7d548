import { z } from 'zod';
import { writtenAlert } from '../../../client/scoring/alert.ts';
import { count, type OwnShapes } from '../own-shape.ts';

/** Rates and areas are null where one side is empty. */
const figure = z.number().nullable();
const quality = z.strictObject({
  benign: count,
  hostile: count,
  auc: figure,
  foundAt1: figure.describe('share of the hostile found when 1 % of the benign alarm'),
  foundAt5: figure,
});
const byName = z.record(z.string(), quality);
const ofTraces = z.strictObject({
  overall: quality,
  withDrift: quality.describe('with drift counted among the benign'),
  driftAlarms: figure.describe('share of drift above the threshold of 5 % false alarms'),
  drift: count,
  runs: z.strictObject({ count, foundAt1: figure, foundAt5: figure }),
  byFamily: byName,
  byCluster: byName,
  byService: byName,
});
const alarms = z.strictObject({ places: count, alone: count, withRates: count });
const toldRate = z.strictObject({
  ...{ workload: z.string(), measure: z.string(), shape: z.string(), peer: z.string() },
  count: z.number().describe('within the interval'),
  ...{ median: z.number(), high: z.number(), intervals: count, p: z.number(), text: z.string() },
});
const unusualMinute = z.strictObject({
  minute: z.string().describe('when it began, UTC'),
  workload: z.string(),
  labels: z.array(z.string()).describe('what the files call what happened in it; none: normal'),
  riskAlone: z.number().describe('0 usual, 1 an alarm'),
  risk: z.number().describe('the same with rates'),
  p: z.number().describe('how likely its rates are'),
  rates: z.array(toldRate).describe('rarest first'),
});
/** What the rates of workloads add: of system calls with times, and of flows. */
const rated = z.strictObject({
  intervalMs: count,
  overall: quality,
  byFamily: byName,
  alarms: z.strictObject({ benign: alarms, hostile: alarms }),
  minutes: z.strictObject({ alone: quality, withRates: quality, ratesAlone: quality }),
  unusualCount: count,
  unusual: z.array(unusualMinute).describe('the rarest, 1,000 at most'),
});
/** Each kind of track has its own members; a kind from elsewhere may have any. */
const ofKind = (about: string) => z.looseObject({}).describe(`${about}; members by kind of track`);

export const offlineShapes: OwnShapes = {
  evaluate: {
    shape: z.union([
      z.strictObject({ all: ofTraces, withoutDuplicates: ofTraces, rates: rated.optional() }),
      z.looseObject({ rates: rated.optional() }).describe('how well it tells them apart; members by kind of track'),
    ]),
    version: 1,
  },
  explain: {
    shape: z.union([writtenAlert, z.looseObject({ score: z.number() }).describe('of a recorded observation')]),
    version: 1,
  },
  map: { shape: ofKind('workloads, edges, templates and what was left out'), version: 1 },
  profile: { shape: ofKind('the baseline, and what could not be read'), version: 1 },
};
