import { ok } from '../../../base/fault.ts';
import {
  type AcceptRequest,
  type AcceptResponse,
  type AttendRequest,
  type AttendResponse,
  DoorsService,
  type HandOnRequest,
  type HandOnResponse,
  type NoteRequest,
  type NoteResponse,
  type RenewDoorRequest,
  type RenewDoorResponse,
} from '../../../proto/generated/testudo/v1/doors.ts';
import type { AccessControl, Call } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import type { RefusalLog } from '../../access/refusal-meter.ts';
import type { Facts } from '../../ledger/store.ts';
import type { DoorMembers } from '../../members/door-members.ts';
import type { Door } from '../door.ts';
import { tolerant } from '../service.ts';
import type { UpdateIntake } from '../updates/update-intake.ts';
import type { Attendances } from './attendances.ts';
import type { HandedOn } from './handed-on.ts';
import { refusalFrom } from './noted-refusal.ts';
import { seenBy } from './seen-peer.ts';

type DoorsParts = Readonly<{
  door: Door;
  access: AccessControl;
  intake: Pick<UpdateIntake, 'acceptStored'>;
  handedOn: HandedOn;
  attendances: Attendances;
  members: DoorMembers;
  facts: Pick<Facts, 'federation' | 'state'>;
  refusals: RefusalLog;
}>;

const submitPath = '/testudo.v1.Federation/SubmitUpdate';

/** What doors call. The door is the one in the certificate; which cluster called there is the door's word. */
export function doorsService({ door, access, intake, handedOn, attendances, members, facts, refusals }: DoorsParts) {
  const accept = door.unary<'door', AcceptRequest, AcceptResponse>(
    calls.doors.accept,
    async ({ peer, header }, { caller, signal }) => {
      const onHangUp = (listener: () => void) => signal.addEventListener('abort', listener, { once: true });
      const incoming = { ...seenBy(caller.name, peer), name: submitPath, onHangUp };
      const receipt = await access.serve(calls.federation.submitUpdate, incoming, (call: Call<'cluster'>) =>
        intake.acceptStored(call.caller.cluster, header, call),
      );
      return ok({
        outcome: receipt.ok
          ? { $case: 'receipt', value: receipt.value }
          : { $case: 'refused', value: receipt.fault.code },
      });
    },
  );

  const handOn = door.unary<'door', HandOnRequest, HandOnResponse>(
    calls.doors.handOn,
    async ({ peer, ...call }, { caller, signal }) => {
      const answered = await handedOn.answer(call, seenBy(caller.name, peer), signal);
      if (!answered.ok) return answered;
      return ok({
        outcome:
          'refused' in answered.value
            ? { $case: 'refused', value: answered.value.refused }
            : { $case: 'response', value: answered.value.response },
      });
    },
  );

  const attend = door.bidiStream<'door', AttendRequest, AttendResponse>(
    calls.doors.attend,
    (changes, send, { caller, signal }) => attendances.attend(caller.name, changes, send, signal),
  );

  const note = door.unary<'door', NoteRequest, NoteResponse>(calls.doors.note, async (noted, { caller }) => {
    const refusal = refusalFrom(caller.name, facts, noted);
    if (!refusal.ok) return refusal;
    refusals.refuse(refusal.value.actor, refusal.value.refusal);
    return ok({});
  });

  const renewDoor = door.unary<'door', RenewDoorRequest, RenewDoorResponse>(
    calls.doors.renewDoor,
    async ({ certificateRequest }, { actor, caller, certificate }) => {
      const renewed = await members.renew(actor, { name: caller.name, shown: certificate }, certificateRequest);
      if (!renewed.ok) return renewed;
      const { chain, serverChain, expiresAtMs } = renewed.value;
      return ok({ certificateChain: [...chain], serverChain: [...serverChain], expiresAtMs: BigInt(expiresAtMs) });
    },
  );

  return { definition: tolerant(DoorsService), implementation: { accept, handOn, attend, note, renewDoor } };
}
