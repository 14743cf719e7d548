import { ok } from '../../../base/fault.ts';
import type {
  Freeze as FreezeMessage,
  LiftFreezeRequest,
  LiftFreezeResponse,
  ListFreezesRequest,
  ListFreezesResponse,
  SetFreezeRequest,
  SetFreezeResponse,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../access/calls.ts';
import { standingFreezes } from '../../ledger/freezing.ts';
import type { Freeze } from '../../ledger/state/state.ts';
import { liftFreeze, setFreeze } from '../../operations/freezes.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { ms } from './messages.ts';

const freezesMax = 1_000;

/** Freezes: times in which no round opens and no channel moves by itself. */
export function freezeHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    setFreeze: door.unary<'operator', SetFreezeRequest, SetFreezeResponse>(
      calls.operator.setFreeze,
      async ({ fromMs, untilMs, ...request }, { actor }) => {
        const wanted = { ...request, fromMs: Number(fromMs), untilMs: Number(untilMs) };
        const frozen = await setFreeze(engine, actor, wanted);
        if (!frozen.ok) return frozen;
        const { freezeId, held, sequence } = frozen.value;
        const rows = held.map(({ track, atMs }) => ({ track, atMs: ms(atMs) }));
        return ok({ freezeId, held: rows, sequence: BigInt(sequence) });
      },
    ),

    liftFreeze: door.unary<'operator', LiftFreezeRequest, LiftFreezeResponse>(
      calls.operator.liftFreeze,
      async (request, { actor }) => {
        const lifted = await liftFreeze(engine, actor, request);
        if (!lifted.ok) return lifted;
        return ok({ freeze: freezeMessage(lifted.value.freeze), sequence: BigInt(lifted.value.sequence) });
      },
    ),

    listFreezes: door.unary<'viewer', ListFreezesRequest, ListFreezesResponse>(
      calls.operator.listFreezes,
      async (_request, { nowMs }) => {
        const standing = standingFreezes(engine.state().freezes.values(), nowMs);
        return ok({ freezes: standing.slice(0, freezesMax).map(freezeMessage) });
      },
    ),
  };
}

function freezeMessage({ freezeId, tracks, fromMs, untilMs, setBy, reason }: Freeze): FreezeMessage {
  const names = tracks === 'all' ? [] : [...tracks];
  return { freezeId, tracks: names, fromMs: ms(fromMs), untilMs: ms(untilMs), setBy, reason };
}
