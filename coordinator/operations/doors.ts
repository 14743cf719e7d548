import { isHostName } from '../../base/serving/listen.ts';
import { isDoorName } from '../keys/spiffe.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { DoorCertified, DoorMembers } from '../members/door-members.ts';
import type { Engine } from '../rounds/engine.ts';
import { invalid } from '../views/request.ts';
import { type Answer, checkReason } from './check.ts';
import { sequenceOf } from './sequence.ts';

const hostsMax = 32;

type Parts = Readonly<{ engine: Pick<Engine, 'state'>; doors: DoorMembers }>;
type Wanted = Readonly<{ name: string; hosts: readonly string[]; certificateRequest: Uint8Array; reason: string }>;

export async function addDoor(
  { doors }: Pick<Parts, 'doors'>,
  actor: Actor,
  { name, hosts, certificateRequest: request, reason }: Wanted,
): Answer<DoorCertified, 'CERTIFICATE_REQUEST_INVALID'> {
  if (!isDoorName(name)) return invalid('name: expected 1 to 63 of a-z, 0-9 and "-"');
  if (hosts.length > hostsMax || !hosts.every(isHostName)) {
    return invalid(`hosts: expected at most ${hostsMax} host names and IP addresses, without ports`);
  }
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return doors.add(actor, { name, hosts: [...new Set(hosts)].sort(), request, reason });
}

/** Answers where in the journal it stands. */
export async function revokeDoor(
  { engine, doors }: Parts,
  actor: Actor,
  { name, reason }: Readonly<{ name: string; reason: string }>,
): Answer<number, 'DOOR_UNKNOWN'> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await doors.revoke(actor, name, reason));
}
