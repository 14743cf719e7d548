import { z } from 'zod';
import { count, ms, type OwnShapes } from '../own-shape.ts';

const when = z.iso.datetime();
const lastFault = z.strictObject({ code: z.string(), message: z.string(), at: when }).nullable();
const because = z.union([
  z.strictObject({ kind: z.literal('channel'), channel: z.string() }),
  z.strictObject({
    kind: z.literal('pin'),
    pinId: z.string(),
    untilMs: ms.nullable(),
    reason: z.string(),
    setBy: z.string(),
  }),
]);
const trackView = z.strictObject({
  live: z
    .strictObject({
      version: count,
      manifestDigest: z.string(),
      because: because.nullable(),
      installedAt: when.nullable(),
    })
    .nullable(),
  pinnedUntil: when.nullable(),
  antibodyPins: z
    .array(
      z.strictObject({
        pinId: z.string(),
        antibody: z.string().describe('its digest'),
        inUse: z.boolean(),
        reason: z.string(),
        setBy: z.string(),
        until: when.nullable(),
        followed: z.boolean().describe('false where it is to be used and could not be had yet'),
      }),
    )
    .describe('antibodies that operators hold this cluster to'),
  shadow: z.strictObject({ version: count }).nullable(),
  earlier: z.array(count).describe('versions that a rollback needs no download for'),
  floor: count,
  lastFault,
  remarks: z.array(z.string()).describe("what the live model's calibration says of itself, a sentence each"),
});

const chain = z.string().describe("the chain's digest at that entry: note it");

export const processShapes: OwnShapes = {
  up: {
    shape: z.strictObject({
      folder: z.string(),
      context: z.string().describe('current from now on'),
      version: z.literal(1),
      federation: z.string(),
      clusters: z.array(z.strictObject({ name: z.string(), sources: z.array(z.unknown()), ends: z.boolean() })),
      addresses: z
        .strictObject({
          enrolment: z.string(),
          federation: z.string(),
          health: z.string(),
          dashboard: z.string().optional(),
        })
        .nullable(),
      processes: z.array(z.strictObject({ name: z.string(), pid: z.int().positive(), mark: z.string() })),
    }),
    version: 1,
  },
  down: {
    shape: z.strictObject({ name: z.string(), pid: z.int().positive(), how: z.enum(['ended', 'killed', 'was gone']) }),
    each: true,
    version: 1,
  },
  'agent pods': {
    shape: z.strictObject({
      at: when.nullable().describe('null: the agent does not lead, or sees not all of the cluster'),
      inFlight: count,
      pods: z.array(
        z.strictObject({
          pod: z.string().describe('namespace/name'),
          reason: z.string(),
          meaning: z.string(),
          dueAt: when,
          createdAt: when,
          overMinutes: count,
        }),
      ),
    }),
    version: 1,
  },
  'agent status': {
    shape: z.strictObject({
      connected: z.boolean(),
      rootVersion: count.nullable().describe('null before the first contact'),
      pinsVersion: count,
      metadataExpiresAt: when.nullable(),
      metadataExpired: z.boolean(),
      lastFault,
      reportsWaiting: count,
      setAside: z.array(z.string()).describe('damaged states of the agent, by their paths, for which a copy stood in'),
      tracks: z.record(z.string(), trackView),
    }),
    version: 1,
  },
  'rotation verify': {
    shape: z.strictObject({
      findings: z.array(
        z.strictObject({
          kind: z.enum(['early', 'late', 'spared', 'broken', 'uncommitted', 'gap', 'exposure']),
          line: count,
          pod: z.string().optional(),
          text: z.string(),
        }),
      ),
      lines: count,
      pods: count,
      proven: count.describe('of these, pods of epochs whose key is told'),
      waitedMs: z.record(z.string(), z.number()).describe('how long due pods waited, by reason, milliseconds'),
    }),
    version: 1,
  },
  'coordinator verify': {
    shape: z.strictObject({
      entries: count,
      chain,
      checkpoints: count.describe('signed heads, all of which fit'),
      blobsLooked: count.describe('blobs that a coordinator needs to go on, by the journal, and that were looked at'),
      blobsMissing: z.array(z.string()).describe('what of these the folder or bucket of the configuration lacks'),
      blobsDamaged: z.array(z.string()).describe('what has another digest there; only looked for with --digests'),
    }),
    version: 1,
  },
  'coordinator backup': { shape: z.strictObject({ folder: z.string(), entries: count, chain }), version: 1 },
  'coordinator export-audit': {
    shape: z.strictObject({ file: z.string(), first: count, last: count, chain: chain.optional() }),
    version: 1,
  },
  'alerts retry': { shape: z.strictObject({ queued: count }), version: 1 },
  feedback: {
    shape: z.strictObject({
      alert: z.string(),
      verdict: z.enum(['false-positive', 'confirmed']),
      by: z.string(),
      family: z.string().optional(),
    }),
    version: 1,
  },
  'antibodies make': {
    shape: z.strictObject({ file: z.string(), family: z.string(), features: count, examples: count }),
    version: 1,
  },
};
