import { jsonLine } from '../../base/text/table.ts';
import { ClusterStatus, OperatorRole, RoundPhase, UpdateFate } from '../../proto/generated/testudo/v1/operator.ts';
import { GateDecision } from '../../proto/generated/testudo/v1/operator_releases.ts';
import { Suggestion, Verdict } from '../../proto/generated/testudo/v1/operator_rounds.ts';
import { InstallOutcome } from '../../proto/generated/testudo/v1/releases.ts';

/** The enumerations of what operators are told, by the names of the fields that hold them, with the prefix of their values. */
export const enumerations = {
  decision: [GateDecision, 'GATE_DECISION_'],
  fate: [UpdateFate, 'UPDATE_FATE_'],
  outcome: [InstallOutcome, 'INSTALL_OUTCOME_'],
  phase: [RoundPhase, 'ROUND_PHASE_'],
  role: [OperatorRole, 'OPERATOR_ROLE_'],
  status: [ClusterStatus, 'CLUSTER_STATUS_'],
  suggestion: [Suggestion, 'SUGGESTION_'],
  verdict: [Verdict, 'VERDICT_'],
} as const satisfies Readonly<Record<string, readonly [Readonly<Record<string, string | number>>, string]>>;

/**
 * What the coordinator answered, for programs: as `jsonLine`, with values of enumerations by name, in lower case and without their
 * prefix. `schemas/` of the package says what each verb's lines hold.
 */
export function wireJson(answer: unknown): string {
  return jsonLine(withNames(answer));
}

function withNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNames);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const members = Object.entries(value).map(([name, member]) => [name, nameIn(name, member) ?? withNames(member)]);
  return Object.fromEntries(members);
}

/** undefined where the member is no value of an enumeration. */
function nameIn(field: string, value: unknown): string | undefined {
  if (typeof value !== 'number' || !(field in enumerations)) return undefined;
  const [values, prefix] = enumerations[field as keyof typeof enumerations];
  const [name] = Object.entries(values).find(([key, one]) => one === value && key.startsWith(prefix)) ?? [];
  return name?.replace(prefix, '').toLowerCase();
}
