import { z } from 'zod';

const count = z.int().min(0);
const version = z.int().min(0).nullable().describe('null: none');
const when = z.iso.datetime().nullable().describe('RFC 3339, UTC; null: none');
const name = z.string().nullable().describe('null: none');

/** What `testudo status --json` prints. A change that takes something away, or gives it another meaning, is another `format`. */
export const statusShape = z.strictObject({
  format: z.literal('testudo/status/1'),
  coordinator: z.strictObject({
    federation: z.string(),
    build: z.string(),
    epoch: count.describe('how often this data directory was opened'),
    at: when,
    sequence: count.describe("position of the journal's last entry"),
    freeBytes: count.describe('what updates and models may still take, beside the reserve'),
    enrolledCount: count,
    connectedCount: count,
    queue: z.enum(['embedded', 'redis', 'redis_away', 'unspecified']),
    workerCount: count.nullable(),
    rootExpiresAt: when,
    pinsExpireAt: when,
  }),
  tracks: z.array(
    z.strictObject({
      track: z.string(),
      head: count.describe('what the next round starts from'),
      stable: version,
      canary: version,
      floor: count,
      newestAt: when,
      openRound: name,
      acceptedCount: count.describe('updates that the open round has'),
      quorumCount: count.describe('updates that it needs; 0 before its cohort is known'),
      closesAt: when,
      nextRoundAt: when,
      heldBecause: name.describe('BLACKOUT, FREEZE or TOO_FEW_CLUSTERS; null: nothing holds it'),
      lastRound: name,
      lastAbandonedBecause: name.describe('null: it gave a model'),
      eligibleCount: count.describe('clusters that would be invited now'),
    }),
  ),
  clusters: z.array(
    z.strictObject({
      cluster: z.string(),
      connected: z.boolean(),
      quarantined: z.boolean(),
      certificateEndsAt: when,
      sensors: z
        .strictObject({
          count,
          sampled: count.describe('look at samples alone, to stay within their budget'),
          dangerous: count.describe('look at dangerous calls alone'),
          behind: count.describe('another version of a track scores there than at the hub'),
          blind: count.describe('have a source that sees nothing'),
        })
        .nullable()
        .describe('as its hub told last; null: it told of none'),
      tracks: z.array(
        z.strictObject({
          track: z.string(),
          live: version.describe('what its agent said scores there'),
          wanted: version.describe('what shall'),
          shadow: version,
          because: z.string().describe('the pin or channel that decides'),
          refusedCode: name,
          lastDeliveryAt: when,
          excludedIn: name.describe('the last round that left its update out or refused it'),
          alerts: z
            .array(z.strictObject({ family: z.string(), count }))
            .describe('of the last 24 hours, as the cluster counted them; the most first'),
          score: z.number().min(0).max(1).nullable().describe('its record over rounds; null: it never took part'),
          suggestion: name.describe(
            'watch, quarantine or readmit; null: nothing. `testudo clusters reputation TRACK` says why',
          ),
        }),
      ),
    }),
  ),
  attention: z
    .array(
      z.strictObject({
        severity: z.enum(['critical', 'warning', 'notice', 'unspecified']),
        code: z.string().describe('docs/operations.md, "One look at everything"'),
        track: name,
        cluster: name,
        text: z.string(),
        at: when,
      }),
    )
    .describe('worst first'),
  attentionCount: count.describe('how many there are in all: the list holds 500 at most'),
});

export type StatusShape = z.infer<typeof statusShape>;
