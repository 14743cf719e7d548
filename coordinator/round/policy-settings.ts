import { z } from 'zod';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { gateMinutesMinDefault, type TrackPolicy } from './policy.ts';
import { graceMsDefault, roundRuleLimits } from './rules.ts';

const between = (min: number, max: number) => z.number().min(min).max(max);
const whole = (min: number, max: number) => z.int().min(min).max(max);
const durationMs = whole(roundRuleLimits.durationMsMin, roundRuleLimits.durationMsMax);
const updates = whole(1, roundRuleLimits.updatesMax);
const share = z.number().gt(0).max(1);
const timeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'expected "HH:MM"');

/** A text first: no JSON Schema can be made of a custom type alone. */
const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, 'a digest, "sha256:" and 64 hexadecimal digits')
  .pipe(z.custom<Digest>(isDigest));

/** Of `TrackPolicy`, as a file says them. */
export const roundSettings = z.strictObject({
  goal: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('count'), updates }),
      z.strictObject({ kind: z.literal('share'), ofEnrolled: share }),
    ])
    .default({ kind: 'share', ofEnrolled: 1 }),
  overSelection: between(1, roundRuleLimits.overSelectionMax).default(roundRuleLimits.overSelectionDefault),
  quorum: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('count'), updates }),
      z.strictObject({ kind: z.literal('share'), ofCohort: share }),
    ])
    .default({ kind: 'share', ofCohort: 0.5 }),
  recruitForMs: durationMs.default(3_600_000),
  collectForMs: durationMs.default(4 * 3_600_000),
  aggregateForMs: durationMs.default(3_600_000),
  closesAtGoal: z.boolean().default(true),
  graceMs: durationMs.nullable().default(graceMsDefault),
  carryOver: z
    .strictObject({
      stalenessMax: whole(1, roundRuleLimits.stalenessMax),
      exponent: between(0, roundRuleLimits.exponentMax),
    })
    .nullable()
    .default(null),
});

/** The limits of proto/testudo/v1/federation.proto's TrainingPlan. */
const training = z.strictObject({
  epochs: whole(1, 1_000).default(1),
  stepsMax: whole(1, 1_000_000).default(1_000),
  batchSize: whole(1, 4_096).default(64),
  learningRate: z.number().gt(0).max(10).default(0.001),
  clipNorm: between(0, 1e6).default(0),
  noiseMultiplier: between(0, 100).default(0),
  proximalMu: between(0, 100).default(0),
});

const rate = z.number().gt(0).max(1_000);
const decay = z.number().min(0).lt(1);
const optimiser = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('plain'), learningRate: rate.default(1) }),
  z.strictObject({ kind: z.literal('momentum'), learningRate: rate.default(1), momentum: decay.default(0.9) }),
  z.strictObject({
    kind: z.literal('adam'),
    learningRate: rate.default(0.01),
    beta1: decay.default(0.9),
    beta2: decay.default(0.99),
    epsilon: z.number().gt(0).max(1).default(0.001),
  }),
]);

const schedule = z.strictObject({
  cron: z.string().min(9).max(128),
  timeZone: z.string().min(1).max(64).default('UTC'),
  blackouts: z
    .array(z.strictObject({ days: z.array(whole(0, 6)).max(7).default([]), from: timeOfDay, to: timeOfDay }))
    .max(64)
    .default([]),
});

const gate = z.strictObject({
  /** Left out: two, or one more than may lie. */
  clustersMin: whole(1, 10_000).optional(),
  scoredMin: whole(1, 1e12).default(1_000),
  agreementMin: between(0, 1).default(0.98),
  recallDropMax: between(0, 1).default(0.02),
  recallWornMax: between(0, 1).optional(),
  alertsPerDayMax: between(0, 1e9).default(100),
  alertShareMax: between(0, 1).optional(),
  falsePositivesMax: whole(0, 1_000_000).optional(),
  breakersMax: whole(0, 100_000).optional(),
  latencyFactorMax: between(0.1, 1_000).optional(),
  hoursMax: z
    .number()
    .gt(0)
    .max(24 * 90)
    .default(24),
  minutesMin: between(0, 60 * 24 * 30).default(gateMinutesMinDefault),
  approvals: z.union([z.literal(1), z.literal(2)]).default(1),
});

/** A track's policy as a file says it, what is left out with its default. */
export const policySettings = z.strictObject({
  /** Checked by the aggregation itself; what is left out comes from its default policy for this f. */
  aggregation: z.looseObject({ f: whole(0, roundRuleLimits.updatesMax) }),
  rounds: roundSettings.prefault({}),
  training: training.prefault({}),
  optimiser: optimiser.default({ kind: 'plain', learningRate: 1 }),
  schedule: schedule.nullable().default(null),
  gate: gate.optional(),
  releasesKept: whole(1, 1_000).optional(),
  sample: z
    .strictObject({
      mix: between(0, 0.9).default(0),
      holds: z.boolean().optional(),
      digest: digest.optional(),
    })
    .optional(),
  history: z.strictObject({ floor: between(0.1, 1).default(0.5) }).optional(),
  upward: z.literal(true).optional(),
  keepInputs: z.strictObject({ rounds: whole(1, 16), hours: whole(1, 720) }).optional(),
} satisfies Record<keyof TrackPolicy, z.ZodType>);
