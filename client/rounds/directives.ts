import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { instantText } from '../../base/text/instant-text.ts';
import type { EpochMs } from '../../base/time.ts';
import type { RoundClosed, WatchResponse } from '../../proto/generated/testudo/v1/federation.ts';
import { type FederationId, isRoundId, isTrackId, type RoundId, type TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import { type Invitation, type InvitationFault, readInvitation } from './invitation.ts';

const dayMs = 86_400_000;
/** The contract lets a round take updates for 14 days; a day more for two clocks that differ. */
const roundMsMax = 15 * dayMs;
/** A clock that differs by more than this from ours is not believed: TLS would hardly have let us meet. */
const clockOffsetMsMax = 31 * dayMs;

/** A directive that makes sense for this client now. */
export type Directive = Readonly<
  /** By the coordinator's clock. */
  | { kind: 'heartbeat'; nowMs: EpochMs }
  | { kind: 'closed'; track: TrackId; round: RoundId; outcome: number; nextRound: RoundId | '' }
  | { kind: 'invited'; invitation: Invitation }
>;

export type DirectiveFaultCode = InvitationFault | 'CLOSING_INVALID' | 'HEARTBEAT_INVALID';

/** What of this client a directive must fit. */
export type DirectiveContext = Readonly<{
  federation: FederationId;
  runs(track: TrackId): boolean;
  /** Whether this client can train such a model on that track: asked before anything is fetched. */
  learns(track: TrackId, spec: ModelSpec): boolean;
  /** By our clock. */
  nowMs: EpochMs;
  /** By the coordinator's, as far as it told it. */
  coordinatorNowMs: EpochMs;
}>;

/**
 * The one place where directives are checked, each against all that this client knows. Trusts nothing: a coordinator of
 * another build, or one that was taken over, must neither crash a client nor make it work in vain.
 */
export function readDirective(
  directive: NonNullable<WatchResponse['directive']>,
  context: DirectiveContext,
): Result<Directive, DirectiveFaultCode> {
  switch (directive.$case) {
    case 'heartbeat':
      return readHeartbeat(directive.value.nowMs, context);
    case 'closed':
      return readClosing(directive.value, context);
    case 'invitation': {
      const read = readInvitation(directive.value);
      if (!read.ok) return read;
      const why = misfit(read.value, context);
      return why === undefined ? ok({ kind: 'invited', invitation: read.value }) : whyNot('INVITATION_INVALID', why);
    }
  }
}

function readHeartbeat(theirs: bigint, { nowMs }: DirectiveContext): Result<Directive, 'HEARTBEAT_INVALID'> {
  const said = Number(theirs);
  if (Math.abs(said - nowMs) <= clockOffsetMsMax) return ok({ kind: 'heartbeat', nowMs: said });
  const clocks = `the coordinator's clock says ${instantText(said)}, ours ${instantText(nowMs)}`;
  return whyNot('HEARTBEAT_INVALID', `${clocks}: set the wrong one right; no round is taken part in before`);
}

function readClosing(
  { track, round, outcome, nextRound }: RoundClosed,
  { runs }: DirectiveContext,
): Result<Directive, 'CLOSING_INVALID'> {
  if (!isTrackId(track) || !runs(track)) return whyNot('CLOSING_INVALID', 'a round of a track that does not run here');
  if (!isRoundId(round)) return whyNot('CLOSING_INVALID', 'round is not an id');
  if (nextRound !== '' && !isRoundId(nextRound)) return whyNot('CLOSING_INVALID', 'next_round is not an id');
  return ok({ kind: 'closed', track, round, outcome, nextRound });
}

function misfit(invitation: Invitation, context: DirectiveContext): string | undefined {
  const { federation, track, spec, closesAtMs } = invitation;
  if (federation !== context.federation) return `to ${federation}/${track}: not our federation`;
  if (!context.runs(track)) return `to ${federation}/${track}: not a track of ours`;
  if (!context.learns(track, spec)) return `${track} cannot train ${spec.architecture} with this build; update it`;
  const leftMs = closesAtMs - context.coordinatorNowMs;
  if (leftMs <= 0) return `${invitation.round} closed ${-leftMs} ms ago`;
  return leftMs > roundMsMax ? `${invitation.round} closes in ${leftMs} ms; no round takes that long` : undefined;
}

function whyNot<Code extends DirectiveFaultCode>(code: Code, what: string): { ok: false; fault: Fault<Code> } {
  return refuse(code, `directive: ${what}`);
}
