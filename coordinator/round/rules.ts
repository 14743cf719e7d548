import { ok, type Result, refuse } from '../../base/fault.ts';

/** How many accepted updates let a round aggregate. A bare 1 could mean either, so the kind is said. */
export type Quorum = Readonly<{ kind: 'count'; updates: number } | { kind: 'share'; ofCohort: number }>;

/** How many updates a round wants: a number, or a share of the clusters that are enrolled and in good standing. */
export type Goal = Readonly<{ kind: 'count'; updates: number } | { kind: 'share'; ofEnrolled: number }>;

/** Lets a straggler seal its delta again for a later round; its delta then counts (1 + staleness)^-exponent. */
export type CarryOver = Readonly<{ stalenessMax: number; exponent: number }>;

/** What a round obeys from start to end: frozen into the journal when the round is scheduled. */
export type RoundRules = Readonly<{
  goal: Goal;
  /** Clusters invited for each update wanted, 1 to 10. 1.3 covers the one in four that does not answer. */
  overSelection: number;
  quorum: Quorum;
  /** Fewest updates the aggregation rule can score: 2f + 3 for Krum. Never undercut, whatever the quorum says. */
  updatesMin: number;
  /** How long to wait for enough clusters. */
  recruitForMs: number;
  /** How long to take updates. */
  collectForMs: number;
  /** How long the aggregation may take before the round is abandoned. */
  aggregateForMs: number;
  /** Whether the round closes as soon as `goal` updates are in, rather than only at its deadline. */
  closesAtGoal: boolean;
  /** How long the last few are waited for once enough are there (grace.ts); until the deadlines where null or absent. */
  graceMs?: number | null | undefined;
  /** How many of those wanted may be missing then. */
  sparedMax?: number | undefined;
  carryOver: CarryOver | null;
}>;

/** A client is back within a minute after its coordinator started anew. Of policies before there was the setting: none. */
export const graceMsDefault = 60_000;

export const roundRuleLimits = {
  overSelectionDefault: 1.3,
  overSelectionMax: 10,
  updatesMax: 100_000,
  durationMsMin: 10,
  /** 14 days: one timer of Node's reaches 24.8. */
  durationMsMax: 14 * 86_400_000,
  stalenessMax: 64,
  exponentMax: 10,
} as const;

/** The rules themselves, or one fault that lists everything wrong with them. */
export function checkRoundRules(rules: RoundRules): Result<RoundRules, 'RULES_INVALID'> {
  const problems = [...quorumProblems(rules), ...goalProblems(rules), ...durationProblems(rules)];
  const { overSelection, updatesMin, carryOver } = rules;
  if (!(overSelection >= 1 && overSelection <= roundRuleLimits.overSelectionMax)) {
    problems.push(`overSelection must lie in 1..${roundRuleLimits.overSelectionMax}, got ${overSelection}`);
  }
  if (!isCount(updatesMin)) problems.push(`updatesMin must be a whole number of at least 1, got ${updatesMin}`);
  if (carryOver !== null) {
    if (!isCount(carryOver.stalenessMax) || carryOver.stalenessMax > roundRuleLimits.stalenessMax) {
      problems.push(`carryOver.stalenessMax must be a whole number in 1..${roundRuleLimits.stalenessMax}`);
    }
    if (!(carryOver.exponent >= 0 && carryOver.exponent <= roundRuleLimits.exponentMax)) {
      problems.push(`carryOver.exponent must lie in 0..${roundRuleLimits.exponentMax}, got ${carryOver.exponent}`);
    }
  }
  return problems.length === 0 ? ok(rules) : refuse('RULES_INVALID', `round rules: ${problems.join('; ')}`);
}

function quorumProblems({ quorum, updatesMin, goal }: RoundRules): string[] {
  if (quorum.kind === 'share') {
    if (quorum.ofCohort > 0 && quorum.ofCohort <= 1) return [];
    return [`quorum.ofCohort must be above 0 and at most 1, got ${quorum.ofCohort}`];
  }
  if (!isCount(quorum.updates)) return [`quorum.updates must be a whole number of at least 1, got ${quorum.updates}`];
  if (quorum.updates < updatesMin) {
    return [
      `a quorum of ${quorum.updates} could close a round that its aggregation rule cannot score; ` +
        `raise it to at least ${updatesMin} or choose a rule that needs fewer`,
    ];
  }
  if (goal.kind === 'count' && goal.updates < quorum.updates) {
    return [`goal.updates ${goal.updates} is below the quorum of ${quorum.updates}; raise the goal`];
  }
  return [];
}

function goalProblems({ goal, updatesMin }: RoundRules): string[] {
  if (goal.kind === 'share') {
    if (goal.ofEnrolled > 0 && goal.ofEnrolled <= 1) return [];
    return [`goal.ofEnrolled must be above 0 and at most 1, got ${goal.ofEnrolled}`];
  }
  if (!isCount(goal.updates)) return [`goal.updates must be a whole number of at least 1, got ${goal.updates}`];
  if (goal.updates < updatesMin) {
    return [`goal.updates must be at least ${updatesMin}, what the aggregation rule needs; got ${goal.updates}`];
  }
  return [];
}

function durationProblems(rules: RoundRules): string[] {
  const { durationMsMin, durationMsMax } = roundRuleLimits;
  const { recruitForMs, collectForMs, aggregateForMs, graceMs } = rules;
  const durations = { recruitForMs, collectForMs, aggregateForMs, ...(typeof graceMs === 'number' && { graceMs }) };
  return Object.entries(durations)
    .filter(([, value]) => !(value >= durationMsMin && value <= durationMsMax))
    .map(([name, value]) => `${name} must lie in ${durationMsMin}..${durationMsMax} ms, got ${value}`);
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= roundRuleLimits.updatesMax;
}
