import { ok } from '../../../../base/fault.ts';
import {
  type GetProgressRequest,
  type GetProgressResponse,
  type ListReputationsRequest,
  type ListReputationsResponse,
  Suggestion,
  Verdict,
} from '../../../../proto/generated/testudo/v1/operator_rounds.ts';
import { calls } from '../../../access/calls.ts';
import type { Engine } from '../../../rounds/engine.ts';
import { progressView } from '../../../views/records/progress.ts';
import type { ProgressVerdict } from '../../../views/records/progress-verdict.ts';
import { reputationsView } from '../../../views/records/reputation.ts';
import type { Suggestion as SuggestionName } from '../../../views/records/suggestion.ts';
import { findTrack } from '../../../views/request.ts';
import type { Door } from '../../door.ts';

const reputationsMax = 2_000;
const reasonsMax = 16;

const suggestions: Readonly<Record<SuggestionName, Suggestion>> = {
  none: Suggestion.SUGGESTION_NONE,
  watch: Suggestion.SUGGESTION_WATCH,
  quarantine: Suggestion.SUGGESTION_QUARANTINE,
  readmit: Suggestion.SUGGESTION_READMIT,
};

const verdicts: Readonly<Record<ProgressVerdict, Verdict>> = {
  tooFew: Verdict.VERDICT_TOO_FEW,
  repeats: Verdict.VERDICT_REPEATS,
  still: Verdict.VERDICT_STILL,
  settles: Verdict.VERDICT_SETTLES,
  swings: Verdict.VERDICT_SWINGS,
  grows: Verdict.VERDICT_GROWS,
  learns: Verdict.VERDICT_LEARNS,
};

/** What rounds say of clusters, and of a track's training, over time. */
export function recordHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    listReputations: door.unary<'viewer', ListReputationsRequest, ListReputationsResponse>(
      calls.operator.listReputations,
      async ({ track: name }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const views = await reputationsView(engine.state(), track.value, engine.blobs);
        return ok({
          reputations: views.slice(0, reputationsMax).map(({ suggestion, reasons, margin, score, ...view }) => ({
            ...view,
            suggestion: suggestions[suggestion],
            margin: margin ?? Number.NaN,
            score: score ?? Number.NaN,
            reasons: reasons.slice(0, reasonsMax),
          })),
        });
      },
    ),

    getProgress: door.unary<'viewer', GetProgressRequest, GetProgressResponse>(
      calls.operator.getProgress,
      async ({ track: name }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const { verdict, text, keptShare, steps } = await progressView(track.value, engine.blobs);
        return ok({
          track: track.value.track,
          verdict: verdicts[verdict],
          text,
          keptShare: keptShare ?? Number.NaN,
          steps: steps.map((step) => ({
            version: BigInt(step.version),
            round: step.round ?? '',
            norm: step.norm ?? Number.NaN,
            relative: step.relative ?? Number.NaN,
            cosine: step.cosine ?? Number.NaN,
            keptShare: step.keptShare ?? Number.NaN,
            sameAs: step.sameAs === null ? undefined : BigInt(step.sameAs),
          })),
        });
      },
    ),
  };
}
