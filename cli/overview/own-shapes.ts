import { z } from 'zod';
import { writtenAlert } from '../../client/scoring/alert.ts';
import { ms, type OwnShapes } from '../json/own-shape.ts';
import { memberShapes } from '../json/shapes/members.ts';
import { offlineShapes } from '../json/shapes/offline.ts';
import { processShapes } from '../json/shapes/processes.ts';
import { releaseShapes } from '../json/shapes/releases.ts';
import { responseShapes } from '../json/shapes/response.ts';
import { statusShape } from './status-shape.ts';

const when = z.iso.datetime();
const letter = z.strictObject({
  seq: z.int(),
  sink: z.string().describe('by its name in the configuration'),
  repeats: z.int().min(1).describe('how many of the same it stands for'),
  attempts: z.int().min(0),
  why: z.string(),
  queuedAtMs: ms,
  diedAtMs: ms,
  alert: z.looseObject({ id: z.string(), at: when }).describe("a client's alert, or a coordinator's notification"),
});

const joinedRegion = z.strictObject({
  region: z.string().describe('its name at the parent'),
  joined: z
    .strictObject({
      region: z.string(),
      federation: z.string().describe("the region's own"),
      round: z.string().describe("the region's own"),
      members: z.array(
        z.strictObject({
          cluster: z.string(),
          verdict: z.string(),
          provenance: z.string().nullable().describe('of a region below it; null for a cluster'),
        }),
      ),
    })
    .nullable()
    .describe('null where the join does not hold'),
  why: z.string().describe('why it does not hold; empty where it does'),
});

/** What `--json` prints where it is no message of the contract, of every verb. */
export const ownShapes: OwnShapes = {
  ...memberShapes,
  ...offlineShapes,
  ...processShapes,
  ...releaseShapes,
  ...responseShapes,
  'alerts list': { shape: writtenAlert, each: true, version: 1 },
  'alerts show': { shape: writtenAlert, version: 1 },
  'alerts undelivered': { shape: letter, each: true, version: 1 },
  'alerts watch': { shape: writtenAlert, each: true, version: 1 },
  dashboard: {
    shape: z.strictObject({ url: z.string().describe('opens one session, once'), expiresAt: when }),
    version: 1,
  },
  status: { shape: statusShape, version: 1 },
  'relay join': { shape: joinedRegion, each: true, version: 1 },
};
