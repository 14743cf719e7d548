import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { Invitation } from '../../client/rounds/invitation.ts';
import type { RegionFaultCode } from '../../client/rounds/ports.ts';
import { headOf, openRoundOf, type Round, type State, type Track } from '../../coordinator/ledger/state/state.ts';
import type { RoundPhase } from '../../coordinator/round/phase.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import { byRelay, onceTrue, type Region } from '../region.ts';
import { specMisfit } from '../spec-fit.ts';

/** What the region's round is for: the parent's round, and the model that it starts from. */
export type Asked = Pick<Invitation, 'federation' | 'track' | 'round' | 'base' | 'spec' | 'roundKey'>;

export type HeldRound = Readonly<{ round: RoundId; phase: Extract<RoundPhase, { kind: 'candidate' }> }>;

export type RegionRoundPorts = Readonly<{
  region: Region;
  /** What is waited for, once for each. */
  waiting: (fault: Fault<RegionFaultCode>) => void;
  /** The region's round is open, or was when the relay last ran. */
  opened: (round: RoundId) => void;
  /** Whether the relay itself ends: the region's round then stays as it is, for the next run to go on with. */
  isStopping: () => boolean;
}>;

const prefix = 'for round ';

/**
 * Why the region's round was opened, as its journal keeps it. By this the next run of a relay that was killed finds the round
 * again: one round of the parent is at most one of the region. A parent that was restored from a backup gives a round's name, and its
 * base, a second time; the key it never does.
 */
function reasonFor(asked: Omit<Asked, 'track' | 'spec'>): string {
  return `${reasonWithoutKey(asked)}, under key ${Buffer.from(asked.roundKey).toString('hex')}`;
}

/** As builds before wrote it. */
function reasonWithoutKey({ federation, round, base }: Pick<Asked, 'federation' | 'round' | 'base'>): string {
  return `${prefix}${round} of ${federation}, which starts from ${base.digest}`;
}

/**
 * Holds the region's round for one round of its parent: opens it, or goes on with the one that an earlier run opened, and
 * waits for its end. Aborted, it cancels the round: nobody asks for its candidate any more.
 */
export async function holdRound(
  asked: Asked,
  ports: RegionRoundPorts,
  signal: AbortSignal,
): Promise<Result<HeldRound, RegionFaultCode>> {
  const { region, opened } = ports;
  const unfit = misfitOf(region.state(), asked);
  if (unfit !== undefined) return { ok: false, fault: unfit };
  const held = roundFor(region.state(), asked)?.round ?? (await open(asked, ports, signal));
  if (typeof held !== 'string') return held;
  opened(held);
  const ended = await onceTrue(region, (state) => endedRound(state, asked.track, held), signal);
  if (ended === undefined) {
    if (!ports.isStopping()) await cancel(region, asked.track, held, `round ${asked.round} of the parent is over`);
    return stopped();
  }
  if (ended.kind === 'abandoned') {
    return refuse('REGION_ROUND_ABANDONED', `${held} was abandoned (${ended.reason}): ${ended.detail}`);
  }
  if (ended.base.digest === asked.base.digest) return ok({ round: held, phase: ended });
  return refuse('BASE_UNKNOWN', `${held} started from another model: the region's was changed as it was opened`);
}

/** The round that the region holds, or held, for the parent's. */
function roundFor({ tracks }: State, asked: Asked): Round | undefined {
  const reason = reasonFor(asked);
  const rounds = [...(tracks.get(asked.track)?.rounds.values() ?? [])];
  const last = rounds.at(-1);
  // The last one may be of a build before, whose relay was replaced in the middle of it: another would give the parent a second update.
  return (
    rounds.findLast((round) => round.reason === reason) ?? (last?.reason === reasonWithoutKey(asked) ? last : undefined)
  );
}

async function open(
  asked: Asked,
  ports: RegionRoundPorts,
  signal: AbortSignal,
): Promise<RoundId | Result<never, RegionFaultCode>> {
  const { region, waiting } = ports;
  const { track, base } = asked;
  const startsThere = ({ tracks }: State) => baseOf(tracks.get(track)) === base.digest || undefined;
  if (startsThere(region.state()) === undefined) {
    const why = `${asked.round} of the parent starts from version ${base.version}, ${base.digest}`;
    waiting(refuse('BASE_UNKNOWN', `${why}: waiting until the parent releases it to this region`).fault);
  }
  for (;;) {
    if ((await onceTrue(region, startsThere, signal)) === undefined) return stopped();
    const tried = await region.openRound(byRelay, { track, reason: reasonFor(asked) });
    if (tried.ok) return tried.value.value;
    const { code, message } = tried.fault;
    if (code !== 'ROUND_OPEN' && code !== 'ROUNDS_EXHAUSTED') {
      return refuse('REGION_ROUND_REFUSED', `the region opens no round: ${code}: ${message}`);
    }
    waiting(refuse('REGION_ROUND_REFUSED', `${code}: ${message}`).fault);
    if (!(await untilFree(asked, region, signal))) return stopped();
  }
}

/** Ends a round that an earlier one of the parent's left behind, and waits for any other that runs. */
async function untilFree({ track }: Asked, region: Region, signal: AbortSignal): Promise<boolean> {
  const running = openRoundIn(region.state(), track);
  if (running?.reason.startsWith(prefix) === true) {
    await cancel(region, track, running.round, "the parent's round that it was for is over");
  }
  const { seq } = region.state();
  const isFree = (state: State) =>
    (running === undefined ? state.seq > seq : openRoundIn(state, track)?.round !== running.round) || undefined;
  return (await onceTrue(region, isFree, signal)) !== undefined;
}

function openRoundIn({ tracks }: State, id: TrackId): Round | undefined {
  const track = tracks.get(id);
  return track && openRoundOf(track);
}

/** What the region's next round starts from, once its clusters can fetch it as a release. */
function baseOf(track: Track | undefined): string | undefined {
  if (track === undefined) return undefined;
  const { version, digest } = headOf(track);
  return track.releasing.releases.some((release) => release.version === version) ? digest : undefined;
}

function endedRound(state: State, track: TrackId, id: RoundId) {
  const phase = state.tracks.get(track)?.rounds.get(id)?.phase;
  return phase?.kind === 'candidate' || phase?.kind === 'abandoned' ? phase : undefined;
}

/** Refused where it has ended meanwhile, and then there is nothing to cancel. */
async function cancel(region: Region, track: TrackId, round: RoundId, reason: string): Promise<void> {
  await region.cancelRound(byRelay, { track, round, reason });
}

function misfitOf({ tracks }: State, { track: id, spec }: Asked): Fault<RegionFaultCode> | undefined {
  const track = tracks.get(id);
  const misfit = specMisfit(id, track, spec);
  if (misfit !== undefined) return refuse('TRACK_NOT_UPWARD', misfit).fault;
  if (track?.policy.upward === true) return undefined;
  return refuse('TRACK_NOT_UPWARD', `set \`upward: true\` in the policy of ${id}: its candidates go to the parent`)
    .fault;
}

function stopped(): Result<never, 'STOPPED'> {
  return refuse('STOPPED', "the parent's round is over, or the relay stops");
}
