import { buildVersion } from '../../base/build-version.ts';
import { ok, type Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClusterId, RoundId, TrackId } from '../../proto/ids.ts';
import { isPlainText } from '../../proto/release/documents/names.ts';
import type { Actor } from '../ledger/journal/events.ts';
import { rulesOf } from '../round/policy.ts';
import type { PlannedRound } from '../round/schedule/planned-rounds.ts';
import type { Engine } from '../rounds/engine.ts';
import type { Replay, ReplayFaultCode, StudyOfRound } from '../rounds/kept-inputs.ts';
import type { RoundChangeFaultCode } from '../rounds/opener.ts';
import { isInGoodStanding } from '../rounds/presence.ts';
import { invalid } from '../views/request.ts';
import { type Answer, checkReason, checkRoundName, checkTrackChange, type TrackChange } from './check.ts';
import { sequenceOf } from './sequence.ts';

export type RoundChange = TrackChange & Readonly<{ round: string }>;

/** A replay, with how long it took and the build that computed it. */
export type TimedReplay = Replay & Readonly<{ durationMs: number; build: string }>;

const soonMs = 2 * 86_400_000;
const planAheadMsMax = 366 * 86_400_000;

export async function openRound(
  engine: Pick<Engine, 'openRound'>,
  actor: Actor,
  request: TrackChange,
): Answer<RoundId, RoundChangeFaultCode> {
  const change = checkTrackChange(request);
  if (!change.ok) return change;
  const opened = await engine.openRound(actor, change.value);
  return opened.ok ? ok(opened.value.value) : opened;
}

/** Members in good standing by whether they are connected for a track, and how many a round of it needs. */
export function whoComes(
  engine: Pick<Engine, 'eligible' | 'state'>,
  track: TrackId,
): Readonly<{ connected: ClusterId[]; missing: ClusterId[]; needed: number }> {
  const { clusters, tracks } = engine.state();
  const connected = [...engine.eligible(track)].sort();
  const members = [...clusters.keys()].filter((cluster) => isInGoodStanding(engine.state(), cluster)).sort();
  const policy = tracks.get(track)?.policy;
  const missing = members.filter((cluster) => !connected.includes(cluster));
  return { connected, missing, needed: policy === undefined ? 0 : rulesOf(policy).updatesMin };
}

/** Answers where in the journal it stands. */
export async function cancelRound(
  engine: Pick<Engine, 'cancelRound' | 'state'>,
  actor: Actor,
  { track, round, reason }: RoundChange,
): Answer<number, RoundChangeFaultCode> {
  const named = checkRoundName(track, round);
  if (!named.ok) return named;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  return sequenceOf(engine, await engine.cancelRound(actor, { ...named.value, reason }));
}

/** What the schedules would open until then; nothing is opened. */
export function planRounds(
  engine: Pick<Engine, 'planRounds'>,
  untilMs: EpochMs,
  nowMs: EpochMs,
): Result<readonly PlannedRound[], 'REQUEST_INVALID'> {
  if (untilMs > nowMs + planAheadMsMax) return invalid('until_ms: at most 366 days from now');
  return ok(engine.planRounds(untilMs));
}

/** What the schedules open in the time that may be asked for. */
export function plannedAhead(engine: Pick<Engine, 'planRounds'>, nowMs: EpochMs): readonly PlannedRound[] {
  return engine.planRounds(nowMs + planAheadMsMax);
}

/** The next run of every schedule: mostly within days, and then the rest of a year need not be planned. */
export function plannedNext(engine: Pick<Engine, 'planRounds' | 'state'>, nowMs: EpochMs): readonly PlannedRound[] {
  const soon = engine.planRounds(nowMs + soonMs);
  const scheduled = [...engine.state().tracks.values()].filter(({ policy }) => policy.schedule !== null);
  const has = new Set(soon.map(({ track }) => track));
  return scheduled.every(({ track }) => has.has(track)) ? soon : plannedAhead(engine, nowMs);
}

/** `sinceMs`: how long ago it was asked for. */
export async function replayRound(
  engine: Pick<Engine, 'replayRound'>,
  actor: Actor,
  { track, round, reason }: RoundChange,
  { signal, sinceMs }: Readonly<{ signal: AbortSignal; sinceMs: () => number }>,
): Answer<TimedReplay, ReplayFaultCode> {
  const named = checkRoundName(track, round);
  if (!named.ok) return named;
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const replayed = await engine.replayRound(actor, { ...named.value, reason }, signal);
  if (!replayed.ok) return replayed;
  const durationMs = Math.round(sinceMs());
  return ok({ ...replayed.value, durationMs, build: buildVersion() });
}

/** Zeros and empty texts stand for the defaults. */
export type StudyAsked = RoundChange & Readonly<{ liarsMax: number; seed: string; secondsMax: number }>;
export type TimedStudy = StudyOfRound & Readonly<{ durationMs: number; build: string }>;

const studySeconds = { default: 120, max: 900 } as const;
const liarsMost = 50;

/** `sinceMs`: how long ago it was asked for. */
export async function simulateAttacks(
  engine: Pick<Engine, 'studyRound'>,
  actor: Actor,
  { track, round, reason, liarsMax, seed, secondsMax }: StudyAsked,
  { signal, sinceMs }: Readonly<{ signal: AbortSignal; sinceMs: () => number }>,
): Answer<TimedStudy, ReplayFaultCode> {
  const change = checkTrackChange({ track, reason });
  if (!change.ok) return change;
  const named = round === '' ? ok(undefined) : checkRoundName(track, round);
  if (!named.ok) return named;
  if (liarsMax > liarsMost) return invalid(`liars_max: at most ${liarsMost}, got ${liarsMax}`);
  if (secondsMax > studySeconds.max) return invalid(`seconds_max: at most ${studySeconds.max}, got ${secondsMax}`);
  if (!isPlainText(seed, 100) && seed !== '') return invalid('seed: at most 100 characters, none of them control');
  const limits = { liarsMax: liarsMax || undefined, seed, secondsMax: secondsMax || studySeconds.default };
  const studied = await engine.studyRound(actor, { ...change.value, round: named.value?.round, ...limits }, signal);
  if (!studied.ok) return studied;
  return ok({ ...studied.value, durationMs: Math.round(sinceMs()), build: buildVersion() });
}
