import { buildVersion } from '../../../base/build-version.ts';
import { ok } from '../../../base/fault.ts';
import type { ReplayRoundRequest, ReplayRoundResponse } from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { isRoundId, isTrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { checkId, checkReason } from './requests.ts';

/** Rounds, computed again. */
export function replayHandlers(door: Door, engine: Pick<Engine, 'replayRound'>) {
  return {
    replayRound: door.unary<'operator', ReplayRoundRequest, ReplayRoundResponse>(
      calls.operator.replayRound,
      async ({ track: trackName, round: roundName, reason }, { actor, signal, sinceMs }) => {
        const track = checkId('track', trackName, isTrackId);
        if (!track.ok) return track;
        const round = checkId('round', roundName, isRoundId);
        if (!round.ok) return round;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        const replayed = await engine.replayRound(actor, { track: track.value, round: round.value, reason }, signal);
        if (!replayed.ok) return replayed;
        const { same, recorded, recomputed, updateCount, sequence } = replayed.value;
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
          durationMs: BigInt(Math.round(sinceMs())),
          build: buildVersion(),
          sequence: BigInt(sequence),
        });
      },
    ),
  };
}
