import { ocsfHead, ocsfVersion } from '../../base/delivery/formats/ocsf-head.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import { classify } from './ocsf-classes.ts';

/**
 * An entry of the journal as one event of the Open Cybersecurity Schema Framework: Account Change for clusters and
 * operators, Entity Management for what they look after, Application Lifecycle for starts, API Activity for what was
 * asked and refused, or told by a cluster. The event as journalled is in `unmapped`, but for models and long lists.
 */
export function ocsfEvent({ seq, atMs, actor, event, chain }: JournalEntry): object {
  const { kind, attributes, failed, severity } = classify(event, actor);
  return {
    ...ocsfHead(kind, severity, atMs),
    status_id: failed ? 2 : 1,
    status: failed ? 'Failure' : 'Success',
    message: messageOf(event),
    metadata: {
      version: ocsfVersion,
      product: { name: 'Testudo', vendor_name: 'Testudo', feature: { name: 'coordinator' } },
      log_name: 'journal',
      event_code: event.kind,
      sequence: seq,
      uid: chain,
    },
    ...(event.kind === 'coordinatorStarted' ? {} : { actor: actorOf(actor) }), // Its class has none.
    ...attributes,
    unmapped: shortened(event),
  };
}

function messageOf(event: JournalEvent): string {
  const reason = 'reason' in event ? event.reason : event.kind === 'refused' ? event.cause : undefined;
  return reason === undefined || reason === '' ? event.kind : `${event.kind}: ${reason}`;
}

/** `actor` of the schema: a user for people and clusters, a service name for ourselves. */
function actorOf(actor: Actor): object {
  switch (actor.kind) {
    case 'operator':
      return { user: { name: actor.name, type_id: actor.role === 'admin' ? 2 : 1, groups: [{ name: actor.role }] } };
    case 'cluster':
      return { user: { name: actor.cluster, type_id: 4, type: 'Service' } };
    case 'door':
      return { user: { name: actor.name, type_id: 4, type: 'Service' } };
    case 'stranger':
      return { user: { name: actor.address, type_id: 0, type: 'Unknown' } };
    case 'coordinator':
      return { app_name: `testudo coordinator (${actor.part})` };
  }
}

const textMax = 4_096;

/** Specs of models and steps of large rounds are kilobytes that no SIEM wants: their kind and names are enough there. */
function shortened(event: JournalEvent): object {
  if (JSON.stringify(event).length <= textMax) return event;
  const short = Object.entries(event).filter(([, value]) => typeof value !== 'object');
  return { ...Object.fromEntries(short), truncated: true };
}
