import { ok } from '../../../base/fault.ts';
import type {
  KnownAntibody as AntibodyMessage,
  ListAntibodiesRequest,
  ListAntibodiesResponse,
  PutAntibodyRequest,
  PutAntibodyResponse,
  RevokeAntibodyRequest,
  RevokeAntibodyResponse,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../access/calls.ts';
import type { KnownAntibody } from '../../ledger/journal/events.ts';
import { putAntibody, revokeAntibody } from '../../operations/antibodies.ts';
import type { Engine } from '../../rounds/engine.ts';
import { findTrack } from '../../views/request.ts';
import type { Door } from '../door.ts';
import { ms } from './messages.ts';

/** What was confirmed of attacks, and goes out with a track's releases. */
export function antibodyHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    putAntibody: door.unary<'operator', PutAntibodyRequest, PutAntibodyResponse>(
      calls.operator.putAntibody,
      async (request, { actor, nowMs }) => {
        const put = await putAntibody(engine, actor, request, nowMs);
        if (!put.ok) return put;
        const { antibody, sequence } = put.value;
        return ok({ antibody: antibodyMessage(antibody), sequence: BigInt(sequence) });
      },
    ),
    revokeAntibody: door.unary<'operator', RevokeAntibodyRequest, RevokeAntibodyResponse>(
      calls.operator.revokeAntibody,
      async (request, { actor }) => {
        const revoked = await revokeAntibody(engine, actor, request);
        return revoked.ok ? ok({ sequence: BigInt(revoked.value.sequence) }) : revoked;
      },
    ),
    listAntibodies: door.unary<'viewer', ListAntibodiesRequest, ListAntibodiesResponse>(
      calls.operator.listAntibodies,
      async ({ track: name }) => {
        const track = findTrack(engine.state(), name);
        return track.ok ? ok({ antibodies: track.value.antibodies.map(antibodyMessage) }) : track;
      },
    ),
  };
}

function antibodyMessage({ bytes, expiresAtMs, putAtMs, revoked, ...rest }: KnownAntibody): AntibodyMessage {
  return {
    ...rest,
    sizeBytes: BigInt(bytes),
    expiresAtMs: ms(expiresAtMs),
    putAtMs: ms(putAtMs),
    revoked: revoked ?? '',
  };
}
