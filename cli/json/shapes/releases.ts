import { z } from 'zod';
import { releaseRoles } from '../../../proto/release/documents/root.ts';
import { count, dryRun, ms, type OwnShapes, sequence } from '../own-shape.ts';

const keyId = z.string().regex(/^[0-9a-f]{64}$/);
const publicKey = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('Ed25519, hexadecimal');
const role = z.enum(releaseRoles);

const subject = z.union([
  z.strictObject({ cluster: z.string() }),
  z.strictObject({ label: z.strictObject({ key: z.string(), value: z.string() }) }),
]);
const pin = z.strictObject({
  pinId: z.string(),
  track: z.string(),
  subject,
  version: count,
  untilMs: ms.nullable().describe('milliseconds since the epoch; null for no end'),
  belowFloor: z.boolean().describe('whether it may hold a version below the floor'),
  reason: z.string(),
  setBy: z.string().describe('the operator who asked for it'),
});
const antibodyPin = z.strictObject({
  pinId: z.string(),
  track: z.string(),
  subject: subject.nullable().describe('null: every cluster'),
  antibody: z.string().describe('its digest'),
  bytes: count,
  inUse: z.boolean().describe('whether it is used past its end and its revocation, or not used at all'),
  untilMs: ms.nullable().describe('milliseconds since the epoch; null for no end'),
  reason: z.string(),
  setBy: z.string(),
});
/** What agents read strictly; here as it was signed. */
const responsePolicy = z
  .record(z.string(), z.unknown())
  .describe('as `testudo response policy example` prints one, with expiresAtMs');
const pins = z.strictObject({
  version: count,
  expiresAtMs: ms,
  pins: z.array(pin),
  antibodies: z.array(antibodyPin).optional().describe('pins of antibodies; absent where there are none'),
  response: responsePolicy.optional(),
});

const move = z.strictObject({
  cluster: z.string(),
  track: z.string(),
  before: count.optional().describe('the version that judges, before'),
  after: count.optional(),
  shadowBefore: count.optional(),
  shadowAfter: count.optional(),
  because: z.string().describe('what decides afterwards'),
});
/** Of every change of the signed set of pins. */
const setChange = {
  pinsVersion: count,
  pending: z.boolean().describe('whether it waits, or would wait, for more signatures'),
  signers: z.array(keyId).describe('keys that have signed it; none for a dry run'),
  threshold: count.describe('how many have to'),
  dryRun,
  sequence,
  movedCount: count,
  moves: z.array(move).describe('clusters that it moves, or would once it is in force'),
  file: z.string().optional().describe('where the signed set was written instead of proposed'),
};
const signed = z.strictObject({
  version: count,
  pending: z.boolean(),
  signers: z.array(keyId),
  sequence,
  dryRun,
  proposed: pins.describe('what was signed, or would be'),
  file: z.string().optional().describe('where the set with this signature was written instead of proposed'),
});

const rootFile = z.strictObject({
  version: count,
  file: z.string(),
  signedBy: z.array(keyId),
  missingOwn: count.describe('signatures of its own root keys that it still needs'),
  missingBefore: count.optional().describe('of the root keys before it; absent where that root was not given'),
});

export const releaseShapes: OwnShapes = {
  pin: { shape: z.strictObject({ pin, ...setChange }), version: 1 },
  unpin: { shape: z.strictObject({ pin: z.union([pin, antibodyPin]), ...setChange }), version: 1 },
  'antibodies pin': { shape: z.strictObject({ pin: antibodyPin, ...setChange }), version: 1 },
  'pins list': {
    shape: pins.extend({
      signers: z.array(keyId).optional().describe('absent where there are no pins'),
      threshold: count,
      expired: z.string().optional().describe('why agents install nothing new'),
      pending: pins
        .extend({ name: z.string().describe('what `testudo pins sign` calls it by'), signers: z.array(keyId) })
        .optional()
        .describe('the set that waits for signatures'),
    }),
    version: 1,
  },
  'pins sign': { shape: signed, version: 1 },
  'pins renew': { shape: z.strictObject(setChange), version: 1 },
  'pins key': { shape: z.strictObject({ operator: z.string(), keyId, publicKey }), version: 1 },
  'response policy put': {
    shape: z.strictObject({ policy: responsePolicy.nullable(), ...setChange }),
    version: 1,
  },
  'response policy show': {
    shape: z.strictObject({
      pinsVersion: count,
      policy: responsePolicy.optional().describe('absent where none was ever put'),
      fault: z.string().optional().describe('why agents only observe'),
      expired: z.string().optional().describe('why the signed set counts no more'),
    }),
    version: 1,
  },
  'response policy sign': { shape: signed, version: 1 },
  'releases export': {
    shape: z.strictObject({
      track: z.string(),
      version: count,
      file: z.string(),
      bytes: count,
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    }),
    version: 1,
  },
  'root new-key': { shape: z.strictObject({ file: z.string(), keyId, publicKey }), version: 1 },
  'root show': {
    shape: z.strictObject({
      federation: z.string(),
      version: count,
      expiresAtMs: ms,
      keys: z.array(z.strictObject({ role, threshold: count, keyId, publicKey })),
      signedBy: z.array(keyId),
      missingOwn: count.describe('signatures of its own root keys that it still needs'),
      missingBefore: count.optional().describe('of the root keys before it; absent without --after'),
      follows: z.boolean().optional().describe('whether it may follow that root; absent without --after'),
    }),
    version: 1,
  },
  'root rotate': { shape: rootFile, version: 1 },
  'root sign': { shape: rootFile, version: 1 },
  'root merge': { shape: rootFile, version: 1 },
  'root keys': {
    shape: z.strictObject({ release: publicKey, snapshot: publicKey, timestamp: publicKey }),
    version: 1,
  },
};
