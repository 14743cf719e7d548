import { z } from 'zod';
import { ok, type Result, refuse } from '../base/fault.ts';
import { problemText } from '../base/text/problem-text.ts';
import { type ClusterId, isClusterId } from './ids.ts';

/**
 * What may be done to pods, and how much of it: signed with operators' pin keys inside the pins (release/sign.ts), and so
 * by their threshold. A coordinator, or its thief, can make none of it and raise nothing in it. An agent without one that
 * is in force only observes.
 */
export type ResponsePolicy = Readonly<{
  /** Agents only observe from then on, milliseconds since the epoch. */
  expiresAtMs: number;
  /** Where no rule fits. */
  level: ResponseLevel;
  /** The first that fits decides. */
  rules: readonly ResponseRule[];
  /** How many alerts of one pod, and how close together, it takes before anything is asked or enforced. */
  evidence: EvidenceDemand;
  budgets: Readonly<Record<BudgetScope, Budget>>;
  breaker: BreakerLimits;
  /** How long a pod is kept in quarantine before it is evicted, milliseconds. */
  keepForMs: number;
}>;

/** From the weakest to the strongest. `ask`: an operator approves each action first. */
export const responseLevels = ['observe', 'ask', 'enforce'] as const;
export type ResponseLevel = (typeof responseLevels)[number];

/** A member that is left out fits all. */
export type ResponseRule = Readonly<{
  cluster?: ClusterId | undefined;
  namespace?: string | undefined;
  /** Such as a Deployment's name. */
  workload?: string | undefined;
  level: ResponseLevel;
}>;

export type EvidenceDemand = Readonly<{
  /** Independent alerts within the window at least: 1 lets one alert alone enforce. */
  alertsMin: number;
  windowMs: number;
  /** False alarms of one pod in a day that the operator reckons with. */
  falseAlertsPerPodDay: number;
  /** Pods of the whole cluster that false alarms alone may bring to an action in a day, on average. */
  falseActionsPerDay: number;
}>;

export const budgetScopes = ['workload', 'namespace', 'cluster'] as const;
export type BudgetScope = (typeof budgetScopes)[number];

/** Quarantines begun at most, of one workload or namespace or of the whole cluster. */
export type Budget = Readonly<{ hour: number; day: number }>;

/** A model that flags more than this within so long of its swap is taken for the fault, and not the pods. */
export type BreakerLimits = Readonly<{ withinMs: number; workloadsMax: number; podShareMax: number }>;

/** Why no policy is in force. */
export type ResponsePolicyFaultCode = 'RESPONSE_POLICY_ABSENT' | 'RESPONSE_POLICY_INVALID' | 'RESPONSE_POLICY_EXPIRED';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Of the policy's JSON: pins have to fit beside it. */
const policyBytesMax = 131_072;

const level = z.enum(responseLevels);
const namespace = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'a namespace');
const workload = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, "a workload's name");
const budget = z
  .strictObject({ hour: z.int().min(0).max(10_000), day: z.int().min(0).max(100_000) })
  .refine(({ hour, day }) => hour <= day, 'an hour has no more than its day');

/** Strict all through: a condition that this version cannot read must not be followed without it. */
const shape = z.strictObject({
  format: z.literal('testudo/response-policy/1'),
  expiresAtMs: z.int().min(0).max(253_402_300_799_000),
  level,
  rules: z
    .array(
      z.strictObject({
        cluster: z.custom<ClusterId>(isClusterId, 'a cluster id').optional(),
        namespace: namespace.optional(),
        workload: workload.optional(),
        level,
      }),
    )
    .max(500),
  evidence: z.strictObject({
    alertsMin: z.int().min(1).max(100),
    windowMs: z
      .int()
      .min(60_000)
      .max(7 * dayMs),
    falseAlertsPerPodDay: z.number().min(0.000_001).max(10_000),
    falseActionsPerDay: z.number().min(0.000_001).max(10_000),
  }),
  budgets: z.strictObject({ workload: budget, namespace: budget, cluster: budget }),
  breaker: z.strictObject({
    withinMs: z
      .int()
      .min(60_000)
      .max(7 * dayMs),
    workloadsMax: z.int().min(1).max(10_000),
    podShareMax: z.number().min(0.000_001).max(1),
  }),
  keepForMs: z
    .int()
    .min(60_000)
    .max(30 * dayMs),
});

/** Its form inside the pins. */
export function responsePolicyJson({ rules, ...policy }: ResponsePolicy) {
  // Members that are left out are not written as undefined: the signed text has no such thing.
  const written = rules.map((rule) => JSON.parse(JSON.stringify(rule)) as Record<string, string>);
  return { format: 'testudo/response-policy/1' as const, ...policy, rules: written };
}

/** A legal policy, or the first thing wrong with it. Safe on a stranger's value. */
export function readResponsePolicy(value: unknown): Result<ResponsePolicy, 'RESPONSE_POLICY_INVALID'> {
  const invalid = (what: string) => refuse('RESPONSE_POLICY_INVALID', `response policy: ${what}`);
  const parsed = shape.safeParse(value, { error: problemText });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.map((part) => JSON.stringify(part)).join('.') || 'the whole';
    return invalid(`${path.slice(0, 200)}: ${issue?.message ?? 'is no policy'}`);
  }
  const { format: _, ...policy } = parsed.data;
  // What has the shape nests as deep as it says: anything else could not be written.
  if (Buffer.byteLength(JSON.stringify(responsePolicyJson(policy))) > policyBytesMax) {
    return invalid(`at most ${policyBytesMax} bytes of JSON`);
  }
  return ok(policy);
}

/**
 * What pins that were verified say of responses at a time. `value`: their member `response`. An unreadable one is
 * nobody's reason to follow no pins: models go on, and nothing is done to pods.
 */
export function responsePolicyInForce(value: unknown, nowMs: number): Result<ResponsePolicy, ResponsePolicyFaultCode> {
  if (value === undefined) {
    return refuse(
      'RESPONSE_POLICY_ABSENT',
      'no response policy is signed: agents only observe; `testudo response policy put` signs one',
    );
  }
  const read = readResponsePolicy(value);
  if (!read.ok) return read;
  const { expiresAtMs } = read.value;
  if (nowMs < expiresAtMs) return read;
  return refuse(
    'RESPONSE_POLICY_EXPIRED',
    `the response policy ended at ${new Date(expiresAtMs).toISOString()}: agents only observe; sign it anew`,
  );
}

/** The level of a workload: the first rule that fits, else the policy's. */
export function levelOf(
  policy: ResponsePolicy,
  { cluster, namespace, workload }: Readonly<{ cluster: ClusterId; namespace: string; workload: string }>,
): ResponseLevel {
  const fits = (rule: ResponseRule) =>
    (rule.cluster === undefined || rule.cluster === cluster) &&
    (rule.namespace === undefined || rule.namespace === namespace) &&
    (rule.workload === undefined || rule.workload === workload);
  return policy.rules.find(fits)?.level ?? policy.level;
}

/** The weaker of two. */
export function weaker(a: ResponseLevel, b: ResponseLevel): ResponseLevel {
  return responseLevels.indexOf(a) <= responseLevels.indexOf(b) ? a : b;
}

/** One that is good to begin with: nothing is done that nobody approved, and little of that. */
export function firstResponsePolicy(nowMs: number): ResponsePolicy {
  return {
    expiresAtMs: nowMs + 90 * dayMs,
    level: 'observe',
    rules: [],
    evidence: { alertsMin: 2, windowMs: 30 * 60_000, falseAlertsPerPodDay: 1, falseActionsPerDay: 0.1 },
    budgets: {
      workload: { hour: 1, day: 2 },
      namespace: { hour: 2, day: 5 },
      cluster: { hour: 5, day: 20 },
    },
    breaker: { withinMs: hourMs, workloadsMax: 3, podShareMax: 0.1 },
    keepForMs: dayMs,
  };
}
