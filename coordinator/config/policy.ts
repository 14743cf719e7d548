import { z } from 'zod';
import {
  defaultPolicy,
  parsePolicy as parseAggregation,
  type TrackKnowledge,
  updatesMin,
} from '../../aggregation/policy.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { problemText } from '../../base/text/problem-text.ts';
import { readYaml } from '../../base/text/read-yaml.ts';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { type GatePolicy, gateMinutesMinDefault, type TrackPolicy } from '../round/policy.ts';
import { checkRoundRules, graceMsDefault, roundRuleLimits } from '../round/rules.ts';

const policyBytesMax = 65_536;

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

const rounds = z.strictObject({
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

const policySchema = z.strictObject({
  /** Checked by the aggregation itself; what is left out comes from its default policy for this f. */
  aggregation: z.looseObject({ f: whole(0, roundRuleLimits.updatesMax) }),
  rounds: rounds.prefault({}),
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
});

/**
 * A track's policy from the text that an operator wrote (YAML or JSON, at most 64 KiB), with defaults filled in: those of a
 * track that `knows` so much. One
 * fault lists every problem, also those between settings: a quorum below what the rule can score, 2f + 3 for Krum.
 */
export function parseTrackPolicy(text: string, knows: TrackKnowledge = {}): Result<TrackPolicy, 'POLICY_INVALID'> {
  if (Buffer.byteLength(text) > policyBytesMax) return invalid([`at most ${policyBytesMax} bytes are allowed`]);
  const tree = readYaml(text, 0);
  if (!tree.ok) return invalid([`it is neither YAML nor JSON: ${tree.fault.message}`]);
  const parsed = policySchema.safeParse(tree.value, { error: problemText });
  if (!parsed.success) {
    return invalid(parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(top)'}: ${message}`));
  }
  const aggregation = parseAggregation({
    ...defaultPolicy(parsed.data.aggregation.f, knows),
    ...parsed.data.aggregation,
  });
  if (!aggregation.ok) return invalid([aggregation.fault.message]);
  const needed = updatesMin(aggregation.value);
  if (needed === undefined) return invalid(['aggregation: no number of updates satisfies this rule']);
  if (parsed.data.upward === true && parsed.data.schedule !== null) {
    return invalid(["schedule: with upward the parent's invitations open rounds; leave the schedule out"]);
  }
  const checked = checkRoundRules({ ...parsed.data.rounds, updatesMin: needed });
  if (!checked.ok) return invalid([checked.fault.message]);
  const { gate: settings, ...others } = parsed.data;
  if (settings === undefined) return ok({ ...others, aggregation: aggregation.value });
  const { f } = aggregation.value;
  const gatePolicy = { ...settings, clustersMin: settings.clustersMin ?? Math.max(2, f + 1) };
  const problems = gateProblems(gatePolicy, f);
  if (problems.length > 0) return invalid(problems);
  return ok({ ...others, aggregation: aggregation.value, gate: gatePolicy });
}

/** What a gate's settings have against one another and against f: passes that f liars can give among themselves prove nothing. */
function gateProblems({ clustersMin, minutesMin, hoursMax }: GatePolicy, f: number): string[] {
  const problems: string[] = [];
  if (clustersMin <= f) {
    problems.push(
      `gate.clustersMin must be above f: ${clustersMin} clusters may all be among the ${f} that lie; set ${f + 1} or more`,
    );
  }
  if ((minutesMin ?? 0) >= hoursMax * 60) {
    problems.push(
      `gate.minutesMin ${minutesMin} must end before gate.hoursMax (${hoursMax} h), or nothing is ever promoted`,
    );
  }
  return problems;
}

/** The JSON Schema of a policy, for editors and for docs/protocol.md. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(policySchema, { io: 'input' });
}

function invalid(problems: readonly string[]): Result<never, 'POLICY_INVALID'> {
  return refuse('POLICY_INVALID', `track policy: ${problems.join('; ')}`);
}
