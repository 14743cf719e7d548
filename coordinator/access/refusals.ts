import type { Fault } from '../../base/fault.ts';
import type { Log } from '../../base/log.ts';
import type { ServedFaultCode } from '../../proto/served-faults.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Refusal, RefusalLog } from './refusal-meter.ts';

/** Someone should look: these do not come from clients that merely are slow, old or wrong. */
export const alarming: ReadonlySet<string> = new Set<ServedFaultCode>([
  'SIGNATURE_INVALID',
  'CLUSTER_MISMATCH',
  'UPDATE_CONFLICT',
  'PAYLOAD_REUSED',
  'TOKEN_USED',
  'MEMBER_UNPROVEN',
  'CHALLENGE_USED',
]);

type RefusedCall = Readonly<{ what: Refusal['what']; call: string; actor: Actor; fault: Fault }>;

/**
 * Every refusal has a code, a cause for the operator and an audit entry (I9). The log gets a line where the journal gets an
 * entry, so that no flood fills either; whether it did.
 */
export function auditRefusal(
  { engine, log }: Readonly<{ engine: RefusalLog; log: Log }>,
  { what, call, actor, fault }: RefusedCall,
): boolean {
  const { track, round, cluster, payloadDigest } = fault.fields ?? {};
  const noted = engine.refuse(actor, {
    what,
    code: fault.code,
    cause: fault.message,
    alarm: alarming.has(fault.code),
    ...textFields({ track, round, cluster: cluster ?? clusterOf(actor), payloadDigest }),
  });
  if (noted) log.info({ method: call, code: fault.code, peer: nameOf(actor) }, 'call refused');
  return noted;
}

/** The log's line for refusals that had none of their own, once the journal has their sum. */
export function logSum(log: Log, { actor, event }: JournalEntry): void {
  if (event.kind !== 'refused' || event.repeats === 0) return;
  log.info({ code: event.code, peer: nameOf(actor), count: event.repeats + 1 }, 'calls refused, summed up');
}

function nameOf(actor: Actor): string {
  if (actor.kind === 'stranger') return actor.address;
  if (actor.kind === 'cluster') return actor.cluster;
  return actor.kind === 'coordinator' ? actor.part : actor.name;
}

function clusterOf(actor: Actor): string | undefined {
  return actor.kind === 'cluster' ? actor.cluster : undefined;
}

function textFields(fields: Readonly<Record<string, string | number | boolean | undefined>>) {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
