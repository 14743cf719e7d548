import { toldStudy } from '../../../aggregation/attack-study.ts';
import { ok } from '../../../base/fault.ts';
import type {
  ReplayRoundRequest,
  ReplayRoundResponse,
  SimulateAttacksRequest,
  SimulateAttacksResponse,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../access/calls.ts';
import { replayRound, simulateAttacks } from '../../operations/rounds.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';

/** Rounds, computed again, and attacks tried on them. */
export function replayHandlers(door: Door<'operator'>, engine: Pick<Engine, 'replayRound' | 'studyRound'>) {
  return {
    replayRound: door.unary<'operator', ReplayRoundRequest, ReplayRoundResponse>(
      calls.operator.replayRound,
      async (request, { actor, signal, sinceMs }) => {
        const replayed = await replayRound(engine, actor, request, { signal, sinceMs });
        if (!replayed.ok) return replayed;
        const { same, recorded, recomputed, updateCount, durationMs, build, sequence } = replayed.value;
        const twice = (name: 'candidate' | 'provenance' | 'optimiserState') => ({
          recorded: recorded[name] ?? '',
          recomputed: recomputed[name] ?? '',
        });
        return ok({
          same,
          candidate: twice('candidate'),
          provenance: twice('provenance'),
          optimiserState: twice('optimiserState'),
          updateCount,
          durationMs: BigInt(durationMs),
          build,
          sequence: BigInt(sequence),
        });
      },
    ),

    simulateAttacks: door.unary<'operator', SimulateAttacksRequest, SimulateAttacksResponse>(
      calls.operator.simulateAttacks,
      async (request, { actor, signal, sinceMs }) => {
        const studied = await simulateAttacks(engine, actor, request, { signal, sinceMs });
        if (!studied.ok) return studied;
        const { round, f, inForce, build, durationMs, ...study } = studied.value;
        return ok({ ...toldStudy(study, inForce), round, f, build, durationMs: BigInt(durationMs) });
      },
    ),
  };
}
