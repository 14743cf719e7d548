import { time } from '../../base/text/table.ts';
import type { Pins } from '../../proto/release/documents/catalogue.ts';
import { budgetScopes, type ResponsePolicy, readResponsePolicy } from '../../proto/response-policy.ts';

/** What a response policy says, a line each, for people who are to sign it. */
export function responseLines(policy: ResponsePolicy): readonly string[] {
  const { evidence, budgets, breaker, rules } = policy;
  return [
    ...rules.map((rule) => `${rule.level.padEnd(7)} ${whomText(rule)}`),
    `${policy.level.padEnd(7)} everything else`,
    `at least ${evidence.alertsMin} independent alert(s) of a pod within ${span(evidence.windowMs)}` +
      `${evidence.alertsMin === 1 ? ': ONE ALERT ALONE IS ENOUGH' : ''}, and so many that false ones alone` +
      ` (${evidence.falseAlertsPerPodDay} a pod and day) bring ${evidence.falseActionsPerDay} pod(s) a day to an action`,
    ...budgetScopes.map(
      (scope) => `quarantines of a ${scope}: ${budgets[scope].hour} an hour, ${budgets[scope].day} a day`,
    ),
    `all of it stops when a model flags more than ${breaker.workloadsMax} workload(s) or ${breaker.podShareMax * 100} %` +
      ` of pods within ${span(breaker.withinMs)} of its swap`,
    `a pod is kept for ${span(policy.keepForMs)}`,
    `in force until ${time(policy.expiresAtMs)}`,
  ];
}

/** What signing the later set would change of the policy. */
export function responseDifferences(before: Pins['response'], after: Pins['response']): readonly string[] {
  const [had, has] = [linesOf(before), linesOf(after)];
  const rows = [
    ...has.filter((line) => !had.includes(line)).map((line) => `+ response: ${line}`),
    ...had.filter((line) => !has.includes(line)).map((line) => `- response: ${line}`),
  ];
  // Rules that only change places change what they say: the first that fits decides.
  const isMoved = rows.length === 0 && JSON.stringify(had) !== JSON.stringify(has);
  return isMoved ? has.map((line) => `~ response: ${line}`) : rows;
}

function linesOf(response: Pins['response']): readonly string[] {
  if (response === undefined) return [];
  const read = readResponsePolicy(response);
  return read.ok ? responseLines(read.value) : [`${read.fault.code}: ${read.fault.message}`];
}

function whomText({ cluster, namespace, workload }: ResponsePolicy['rules'][number]): string {
  return `${cluster === undefined ? '' : `${cluster}: `}${namespace ?? '*'}/${workload ?? '*'}`;
}

function span(ms: number): string {
  const [count, unit] =
    ms % 86_400_000 === 0 ? [86_400_000, 'd'] : ms % 3_600_000 === 0 ? [3_600_000, 'h'] : [60_000, 'min'];
  return `${ms / (count as number)} ${unit}`;
}
