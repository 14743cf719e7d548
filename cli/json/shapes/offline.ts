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
/** Each kind of track has its own members; a kind from elsewhere may have any. */
const ofKind = (about: string) => z.looseObject({}).describe(`${about}; members by kind of track`);

export const offlineShapes: OwnShapes = {
  evaluate: {
    shape: z.union([
      z.strictObject({ all: ofTraces, withoutDuplicates: ofTraces }),
      ofKind('how well it tells them apart'),
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
