import { ok } from '../../../base/fault.ts';
import type {
  AddDoorRequest,
  AddDoorResponse,
  ListDoorsRequest,
  ListDoorsResponse,
  RevokeDoorRequest,
  RevokeDoorResponse,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { calls } from '../../access/calls.ts';
import type { DoorMembers } from '../../members/door-members.ts';
import { addDoor, revokeDoor } from '../../operations/doors.ts';
import type { Engine } from '../../rounds/engine.ts';
import { doorsView } from '../../views/members.ts';
import { pageOf } from '../../views/page.ts';
import type { Door } from '../door.ts';
import type { Attendances } from '../doors/attendances.ts';
import { sequenceMessage } from './members.ts';
import { ms } from './messages.ts';

type DoorParts = Readonly<{ engine: Engine; doors: DoorMembers; attendances: Pick<Attendances, 'of'> }>;

/** Doors: which processes may take clusters' calls for this coordinator. */
export function doorHandlers(door: Door<'operator'>, { engine, doors, attendances }: DoorParts) {
  return {
    listDoors: door.unary<'admin', ListDoorsRequest, ListDoorsResponse>(calls.operator.listDoors, async ({ page }) => {
      const paged = pageOf(doorsView(engine.state()), page, ({ name }) => name);
      if (!paged.ok) return paged;
      const rows = paged.value.rows.map(({ name, hosts, certificateExpiresAtMs, revoked }) => ({
        ...{ name, hosts: [...hosts], certificateExpiresAtMs: ms(certificateExpiresAtMs), revoked },
        ...attendances.of(name),
      }));
      return ok({ doors: rows, nextPage: paged.value.nextPage });
    }),

    addDoor: door.unary<'admin', AddDoorRequest, AddDoorResponse>(
      calls.operator.addDoor,
      async (request, { actor }) => {
        const added = await addDoor({ doors }, actor, request);
        if (!added.ok) return added;
        const { chain, serverChain, expiresAtMs } = added.value;
        return ok({
          certificateChain: [...chain],
          serverChain: [...serverChain],
          expiresAtMs: ms(expiresAtMs),
        });
      },
    ),

    revokeDoor: door.unary<'admin', RevokeDoorRequest, RevokeDoorResponse>(
      calls.operator.revokeDoor,
      async (request, { actor }) => sequenceMessage(await revokeDoor({ engine, doors }, actor, request)),
    ),
  };
}
