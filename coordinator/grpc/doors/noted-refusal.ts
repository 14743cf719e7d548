import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { NoteRequest } from '../../../proto/generated/testudo/v1/doors.ts';
import { isServedFaultCode } from '../../../proto/served-faults.ts';
import type { Refusal } from '../../access/refusal-meter.ts';
import { alarming } from '../../access/refusals.ts';
import { parseSpiffeId } from '../../keys/spiffe.ts';
import type { Actor } from '../../ledger/journal/events.ts';
import type { Facts } from '../../ledger/store.ts';
import { seenBy } from './seen-peer.ts';

const kinds: ReadonlySet<string> = new Set<Refusal['what']>([
  'update',
  'enrolment',
  'renewal',
  'rejoin',
  'watch',
  'fetch',
  'acknowledgement',
  'operation',
]);

/**
 * A refusal that a door tells of, and whom it is noted against: the cluster that the door names, by that door's word. Only a member:
 * refusals are metered by peer, and whoever may make up names has room without end.
 */
export function refusalFrom(
  door: string,
  facts: Pick<Facts, 'federation' | 'state'>,
  { peer, what, code, cause, track, round, payloadDigest }: NoteRequest,
): Result<Readonly<{ actor: Actor; refusal: Refusal }>, 'REQUEST_INVALID'> {
  if (!isKind(what) || !isServedFaultCode(code)) {
    return refuse('REQUEST_INVALID', 'what and code must be of the contract');
  }
  const { address, certificate } = seenBy(door, peer);
  const identity = parseSpiffeId(certificate?.uri ?? '');
  const isCluster =
    identity?.kind === 'cluster' &&
    identity.federation === facts.federation &&
    facts.state().clusters.has(identity.cluster);
  const actor: Actor = isCluster ? { kind: 'cluster', cluster: identity.cluster, door } : { kind: 'stranger', address };
  const about = Object.entries({ track, round, payloadDigest }).filter(([, text]) => text !== '');
  const refusal = {
    ...{ what, code, cause, alarm: alarming.has(code) },
    ...Object.fromEntries(about),
    ...(isCluster && { cluster: identity.cluster }),
  };
  return ok({ actor, refusal });
}

function isKind(text: string): text is Refusal['what'] {
  return kinds.has(text);
}
