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

/** What `--json` prints where it is no message of the contract. `version` as in verb-shapes.ts. */
export const ownShapes: Readonly<Record<string, OwnShape>> = {
  'alerts list': { shape: writtenAlert, each: true, version: 1 },
  'alerts show': { shape: writtenAlert, version: 1 },
  'alerts undelivered': { shape: letter, each: true, version: 1 },
  'alerts watch': { shape: writtenAlert, each: true, version: 1 },
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
};
