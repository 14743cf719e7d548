import { z } from 'zod';
import { count, ms, type OwnShapes, sequence } from '../own-shape.ts';

const operator = z.strictObject({
  name: z.string(),
  role: z.enum(['viewer', 'operator', 'admin']),
  expiresAtMs: ms.describe('when its certificate ends, milliseconds since the epoch'),
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
const context = z.strictObject({
  name: z.string(),
  current: z.boolean(),
  credentials: z.string().describe('the file'),
  address: z.string().optional().describe('absent: as the credentials say'),
});
const setting = z.unknown().optional().describe('absent where it is not there on this side');

export const memberShapes: OwnShapes = {
  'audit verify': { shape: z.union([checkedExport, provenEntry]), version: 1 },
  'audit witness cosign': {
    shape: z.strictObject({
      file: z.string(),
      size: count.describe('entries 1 to this are cosigned'),
      before: count.describe('up to where it had cosigned before; 0 for nothing'),
    }),
    version: 1,
  },
  'cluster add': {
    shape: z.strictObject({
      cluster: z.string(),
      tokenId: z.string(),
      expiresAtMs: ms.describe('until when the cluster may enrol, once; milliseconds since the epoch'),
      files: z.array(z.string()),
      install: z.array(z.string()).describe('lines to type'),
      foreignTracks: z.array(z.string()).describe('not in values.yaml, since a client does not bring them'),
      voidedTokens: z.array(z.string()).describe('earlier ones that nobody had used'),
    }),
    version: 1,
  },
  'cluster remove': {
    shape: z.strictObject({
      cluster: z.string(),
      revoked: z.boolean().describe('false: it was no member'),
      tokens: z.array(z.string()).describe('open tokens that are void now'),
    }),
    version: 1,
  },
  'context add': { shape: context, version: 1 },
  'context list': { shape: context, each: true, version: 1 },
  'context remove': { shape: z.strictObject({ name: z.string(), removed: z.literal(true) }), version: 1 },
  'context use': { shape: context, version: 1 },
  'doors add': {
    shape: z.strictObject({
      name: z.string(),
      expiresAtMs: ms.describe('when its certificates end, milliseconds since the epoch'),
      file: z.string().describe('its credentials'),
    }),
    version: 1,
  },
  'operators add': { shape: operator, version: 1 },
  'operators renew': { shape: operator.omit({ role: true }), version: 1 },
  'policy check': {
    shape: z.strictObject({
      track: z.string(),
      members: count,
      invited: count,
      n: count.describe('updates that a round has'),
      enough: count.describe('so many let a round wait no longer than graceMs for the others'),
      graceMs: count.nullable().describe('null where a round waits to its deadlines'),
      f: count,
      fMax: count.nullable().describe('null where even f = 0 is not possible'),
      rule: z.string(),
      problems: z.array(z.string()).describe('why no round would give a model; empty where they can'),
      warnings: z.array(z.string()),
      onAttacks: z
        .string()
        .nullable()
        .describe("what becomes of the sample's attacks; null where there is no sample, or tables count by it"),
      classes: z.array(
        z.strictObject({
          name: z.string(),
          holders: count,
          covered: z.boolean().describe('whether the trusted sample holds it'),
          withstands: count,
          text: z.string(),
        }),
      ),
      shares: z.array(
        z.strictObject({
          percent: z.number(),
          liars: count,
          needs: count.describe('the f that a round needs for it'),
          within: z.boolean(),
          possible: z.boolean(),
        }),
      ),
    }),
    version: 1,
  },
  'policy put': {
    shape: z.strictObject({
      track: z.string(),
      dryRun: z.boolean(),
      changes: z.array(z.strictObject({ setting: z.string().describe('its path'), before: setting, after: setting })),
      warnings: z.array(z.string()),
      sequence: sequence.nullable().describe('position in the journal; null where nothing was changed'),
    }),
    version: 1,
  },
  'tracks policy': {
    shape: z.record(z.string(), z.unknown()).describe('a policy, as `testudo tracks schema` says'),
    version: 1,
  },
};
