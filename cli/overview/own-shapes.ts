import { z } from 'zod';
import { writtenAlert } from '../../client/scoring/alert.ts';
import { statusShape } from './status-shape.ts';

export type OwnShape = Readonly<{ shape: z.ZodType; each?: true; version: number }>;

const when = z.iso.datetime();
const ms = z.int().min(0).describe('milliseconds since the epoch');
const operator = z.strictObject({
  name: z.string(),
  role: z.enum(['viewer', 'operator', 'admin']),
  expiresAtMs: ms.describe('when its certificate ends, milliseconds since the epoch'),
});
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

const checkedExport = z.strictObject({
  first: z.int().min(1).describe('the first entry'),
  last: z.int().min(0).describe('the last entry'),
  entries: z.int().min(0),
  chain: z.string().describe("the chain's digest at the last entry: note it"),
  checkpoints: z.int().min(0).describe('signed heads in it, all of which fit'),
  keysGiven: z.boolean().describe('whether these were checked against keys that --key gave'),
  witnessed: z.array(
    z.strictObject({
      name: z.string(),
      size: z.int().min(0).describe('it cosigned entries 1 to this'),
      atSeconds: z.int().min(0).describe('seconds since the epoch'),
    }),
  ),
});
const provenEntry = z.strictObject({
  sequence: z.int().min(1),
  body: z.string().describe('the entry, canonical JSON as it was hashed'),
  ofEntries: z.int().min(1).describe('how many the signed head covers'),
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

/** What `--json` prints where it is no message of the contract. `version` as in verb-shapes.ts. */
export const ownShapes: Readonly<Record<string, OwnShape>> = {
  'alerts list': { shape: writtenAlert, each: true, version: 1 },
  'alerts show': { shape: writtenAlert, version: 1 },
  'alerts undelivered': { shape: letter, each: true, version: 1 },
  'alerts watch': { shape: writtenAlert, each: true, version: 1 },
  'audit verify': { shape: z.union([checkedExport, provenEntry]), version: 1 },
  'context list': {
    shape: z.strictObject({
      name: z.string(),
      current: z.boolean(),
      credentials: z.string().describe('the file'),
      address: z.string().optional().describe('absent: as the credentials say'),
    }),
    each: true,
    version: 1,
  },
  dashboard: {
    shape: z.strictObject({ url: z.string().describe('opens one session, once'), expiresAt: when }),
    version: 1,
  },
  'operators add': { shape: operator, version: 1 },
  'operators renew': { shape: operator.omit({ role: true }), version: 1 },
  status: { shape: statusShape, version: 1 },
  'relay join': { shape: joinedRegion, each: true, version: 1 },
};
