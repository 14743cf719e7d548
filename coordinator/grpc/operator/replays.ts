import { toldStudy } from '../../../aggregation/attack-study.ts';
import { ok } from '../../../base/fault.ts';
import type {
  ReplayRoundRequest,
  ReplayRoundResponse,
  SimulateAttacksRequest,
  SimulateAttacksResponse,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../access/calls.ts';
import type { StudyResult } from '../../candidate/study/study-thread.ts';
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
        const told = { ...toldStudy(study, inForce), ...judgeOf(request.track, study.canJudge) };
        return ok({ ...told, round, f, build, durationMs: BigInt(durationMs) });
      },
    ),
  };
}

/** By what was told what the model is worth under attack; or why nothing could tell it. */
function judgeOf(track: string, canJudge: StudyResult['canJudge']): Readonly<{ judgedBy: string; unjudged: string }> {
  switch (canJudge) {
    case 'sample':
      return { judgedBy: "the round's trusted sample", unjudged: '' };
    case 'no attacks':
      return {
        judgedBy: '',
        unjudged: `the trusted sample of ${track} holds no attack beside normal examples of its class`,
      };
    case 'nothing': {
      const why = 'its rule goes by no trusted sample, so the round has none, or its detector cannot be judged by one';
      return { judgedBy: '', unjudged: `${why}; testudo simulate ${track} --recorded judges by recorded data` };
    }
  }
}
