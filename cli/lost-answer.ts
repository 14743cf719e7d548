import { type Fault, refuse } from '../base/fault.ts';

/** How grpc-js says that a connection, or a stream of it, ended amid a call; a coordinator's own refusals carry codes of ours. */
const brokenOff: ReadonlySet<string> = new Set([
  'GRPC_UNAVAILABLE',
  'GRPC_DEADLINE_EXCEEDED',
  'GRPC_CANCELLED',
  'GRPC_INTERNAL',
  'GRPC_UNKNOWN',
]);

/** Where no connection stood yet, or none of ours: the coordinator heard nothing. */
const neverSent = /^(No connection established|Name resolution failed|HTTP \d|Deadline exceeded.*Waiting for LB pick)/s;

/** Calls that change nothing, by their names in the contract. */
const reads = /\/(Get|List|Plan|Follow|Export)[A-Z]?[A-Za-z]*$/;

/** Whether a call of this path (`/testudo.v1.Operator/RollBack`) changes something once it is heard, and not only tries it. */
export function changes(path: string, request: unknown): boolean {
  return !reads.test(path) && (request as { dryRun?: boolean }).dryRun !== true;
}

/**
 * The fault of a call that would have changed something: where it was heard, perhaps, and the answer is what was lost, that. Who
 * types it again unseen may roll back twice, or leave a token behind that nobody knows of.
 */
export function orLostAnswer(fault: Fault): Fault {
  if (!brokenOff.has(fault.code) || neverSent.test(fault.message)) return fault;
  return refuse(
    'OUTCOME_UNKNOWN',
    `no answer came (${fault.message}): it may have been done; look, with \`testudo audit list --since 5m\`, before you ask for it again`,
  ).fault;
}
