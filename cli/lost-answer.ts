import { type Fault, refuse } from '../base/fault.ts';
import type { ServedFaultCode } from '../proto/served-faults.ts';

/** How grpc-js says that a connection, or a stream of it, ended amid a call; a coordinator's own refusals carry codes of ours. */
const brokenOff: ReadonlySet<string> = new Set([
  'GRPC_UNAVAILABLE',
  'GRPC_DEADLINE_EXCEEDED',
  'GRPC_CANCELLED',
  'GRPC_INTERNAL',
  'GRPC_UNKNOWN',
]);

/** What a coordinator says whose own write was not answered, or that failed at it: whether it is kept shows at its next start. */
const unsettled: ReadonlySet<string> = new Set<ServedFaultCode>(['JOURNAL_IO', 'LEADER_AWAY', 'INTERNAL']);

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
  const isUnsettled = unsettled.has(fault.code);
  if (!isUnsettled && (!brokenOff.has(fault.code) || neverSent.test(fault.message))) return fault;
  const why = isUnsettled ? `what became of it is not known (${fault.code}: ` : 'no answer came (';
  return refuse(
    'OUTCOME_UNKNOWN',
    `${why}${fault.message}): it may have been done; look, with \`testudo audit list --since 5m\`, before you ask for it again`,
  ).fault;
}
