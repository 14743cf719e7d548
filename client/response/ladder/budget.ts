import { type Budget, type BudgetScope, budgetScopes } from '../../../proto/response-policy.ts';

/** One quarantine that was begun: it counts whatever became of it. */
export type Spent = Readonly<{ uid: string; atMs: number; namespace: string; workload: string }>;

type Whom = Readonly<{ namespace: string; workload: string }>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const spans = [
  ['hour', hourMs],
  ['day', dayMs],
] as const;

/** Which budget has nothing left, and when it has again. */
export type BudgetGone = Readonly<{ scope: BudgetScope; span: 'hour' | 'day'; max: number; untilMs: number }>;

/**
 * The first budget that one more quarantine would break: in no hour and no day, whenever it begins, more than the policy
 * allows of one workload, one namespace, the cluster. What a clock that was set back says of the future counts as now.
 */
export function budgetGone(
  spent: readonly Spent[],
  budgets: Readonly<Record<BudgetScope, Budget>>,
  whom: Whom,
  nowMs: number,
): BudgetGone | undefined {
  for (const scope of budgetScopes) {
    const mine = spent.filter((one) => isOf(one, scope, whom));
    for (const [span, spanMs] of spans) {
      const max = budgets[scope][span];
      const within = mine.filter(({ atMs }) => atMs > nowMs - spanMs).sort((a, b) => a.atMs - b.atMs);
      if (within.length < max) continue;
      // So many must be old enough that one more fits.
      const blocking = within[within.length - Math.max(1, max)];
      return { scope, span, max, untilMs: max === 0 ? Number.POSITIVE_INFINITY : (blocking?.atMs ?? nowMs) + spanMs };
    }
  }
  return undefined;
}

/** With one more, without those that no budget looks at any more. The same pod counts once. */
export function spend(spent: readonly Spent[], one: Spent): readonly Spent[] {
  if (spent.some(({ uid }) => uid === one.uid)) return spent;
  return [...spent.filter(({ atMs }) => atMs > one.atMs - dayMs), one];
}

function isOf(one: Spent, scope: BudgetScope, { namespace, workload }: Whom): boolean {
  if (scope === 'cluster') return true;
  return one.namespace === namespace && (scope === 'namespace' || one.workload === workload);
}
