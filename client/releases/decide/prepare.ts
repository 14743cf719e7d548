import { type Fault, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { ReleaseProposal } from '../../../proto/release/walk.ts';
import { becauseOf, heldAfter, isHeldAs, isSameTarget } from '../held-releases.ts';
import {
  type Agent,
  type Checking,
  type Dropping,
  type Ended,
  heldOf,
  type Loaded,
  type Prepared,
  type Preparing,
  runningOf,
  type Said,
  type Wanted,
} from './agent.ts';
import { type Answer, ask, inTurn, type Step, stay, tell } from './effects.ts';
import { mended, refused } from './news.ts';
import { check, sayings, saysTheSame } from './trust.ts';

/** A set that is replaced while its files are fetched is left for the newer one: so often at once, then after a pause. */
const overtakenMax = 8;

/** What the newest set asks for; a set that does not pass again asks for nothing. */
export function goOnChecking(agent: Agent, { overtaken }: Checking, nowMs: EpochMs): Step {
  const checked = check(agent, nowMs);
  const ended: Agent = { ...agent, turn: { kind: 'ended', isDone: true } };
  if (!checked.ok) return refused(checked.fault, { track: undefined, nowMs })(ended);
  if (checked.value === null) return stay(ended);
  const { federation } = checked.value.next;
  const { said, effects, agent: now } = sayings(agent, checked.value, nowMs);
  const left = said.flatMap(wantedOf);
  const turn: Preparing = {
    kind: 'preparing',
    federation,
    said,
    left,
    fetched: null,
    prepared: [],
    isComplete: true,
    overtaken,
  };
  return { agent: { ...now, turn }, effects };
}

/** Fetches, verifies, loads and warms, one release after the other. What runs goes on running. */
export function goOnPreparing(agent: Agent, turn: Preparing, nowMs: EpochMs): Step {
  if (agent.stopping) return stay({ ...agent, turn: { kind: 'ended', isDone: true } });
  const [wanted] = turn.left;
  if (wanted === undefined) return decide(agent, turn, nowMs);
  const { track, target, antibodyPins, as } = wanted;
  const isMoot = as === 'shadow' && !turn.prepared.some((one) => one.track === track);
  if (isMoot) return stay({ ...agent, turn: { ...turn, left: turn.left.slice(1) } });
  const { live, shadow } = runningOf(agent, track);
  const isIt = (one: Loaded | null) =>
    one !== null && isSameTarget(one.release.target, target) && isHeldAs(one.release.antibodyPins, antibodyPins);
  const running = [live, shadow].find(isIt);
  if (running != null) return stay({ ...agent, turn: withLoaded(turn, wanted, running) });
  if (turn.fetched !== null) return ask({ kind: 'load', track, release: turn.fetched })(agent);
  return ask({ kind: 'fetch', track, target, federation: turn.federation, antibodyPins })(agent);
}

export function answerPreparing(agent: Agent, turn: Preparing, answer: Answer, nowMs: EpochMs): Step {
  const wanted = turn.left[0] as Wanted;
  const { track, target } = wanted;
  const { version } = target;
  switch (answer.kind) {
    case 'fetched': {
      if (!answer.result.ok) return fail(agent, turn, wanted, answer.result.fault, nowMs);
      const { passedOver } = answer.result.value;
      const told = tell({ kind: 'fetched', track, version, milliseconds: answer.milliseconds });
      return inTurn(
        { ...agent, turn: { ...turn, fetched: answer.result.value } },
        told,
        ...passedOver.map(({ pinId, why }) => tell({ kind: 'overruled', track, pinId, why })),
      );
    }
    case 'loaded': {
      if (!answer.result.ok) return fail(agent, turn, wanted, answer.result.fault, nowMs);
      const release = turn.fetched as NonNullable<typeof turn.fetched>;
      const told = tell({ kind: 'loaded', track, version, milliseconds: answer.milliseconds });
      return told({ ...agent, turn: withLoaded(turn, wanted, { release, name: answer.result.value }) });
    }
    case 'threw': {
      const { fault } = refuse('AGENT_FAILED', `${answer.why}; the last good models go on`);
      const dropping = dropOf(agent, turn.prepared, { kind: 'ended', isDone: false });
      return refused(fault, { track: undefined, nowMs })({ ...agent, turn: dropping });
    }
    default:
      return stay(agent);
  }
}

/**
 * A newer set may have revoked what was just fetched; and time has passed, so a pin or a signature may have ended. Only
 * what is still asked for goes to disk.
 */
function decide(agent: Agent, { said, prepared, isComplete, overtaken }: Preparing, nowMs: EpochMs): Step {
  const again: Checking = { kind: 'checking', overtaken: overtaken + 1 };
  const instead: Checking | Ended = overtaken < overtakenMax ? again : { kind: 'ended', isDone: false };
  // Newer roots first: by them this set may not be signed any more. They are stored as the next turn begins.
  if (agent.roots.length > 0) return stay({ ...agent, turn: dropOf(agent, prepared, { kind: 'ended', isDone: true }) });
  const checked = check(agent, nowMs);
  if (!checked.ok || checked.value === null) {
    const dropping: Agent = { ...agent, turn: dropOf(agent, prepared, { kind: 'ended', isDone: true }) };
    return checked.ok ? stay(dropping) : refused(checked.fault, { track: undefined, nowMs })(dropping);
  }
  const proposal = checked.value;
  const second = sayings(agent, proposal, nowMs);
  const decided = (now: Agent): Step => {
    if (!saysTheSame(said, second.said)) return stay({ ...now, turn: dropOf(now, prepared, instead) });
    const next = after(now, proposal, prepared, nowMs);
    return stay({ ...mended(now, undefined), turn: { kind: 'persisting', next, proposal, prepared, isComplete } });
  };
  return inTurn(second.agent, (now) => ({ agent: now, effects: second.effects }), decided);
}

/** Floors and live versions that become true together, in one write. */
function after(
  { stored, keep }: Agent,
  { next, expiresAtMs }: ReleaseProposal,
  prepared: readonly Prepared[],
  nowMs: EpochMs,
) {
  const held = prepared.map(({ track, live, resolution, antibodyPins }) => {
    const how = { nowMs, keep, antibodyPins };
    return [track, heldAfter(heldOf(stored, track), live.release.target, becauseOf(resolution), how)];
  });
  const tracks = { ...stored.tracks, ...Object.fromEntries(held) };
  return { federation: next.federation, trust: next, expiresAtMs, tracks };
}

function fail(agent: Agent, turn: Preparing, wanted: Wanted, fault: Fault, nowMs: EpochMs): Step {
  const { track, target, as } = wanted;
  const left = turn.left.slice(1);
  const failed: Preparing = { ...turn, left, fetched: null, isComplete: false };
  // Who stops hangs up on itself: that is nobody's fault.
  if (agent.stopping) return stay({ ...agent, turn: failed });
  const mark = (one: Prepared) => (as === 'shadow' && one.track === track ? { ...one, lacksShadow: true } : one);
  const next = { ...agent, turn: { ...failed, prepared: turn.prepared.map(mark) } };
  return refused(fault, { track, nowMs, target })(next);
}

function withLoaded(turn: Preparing, { track, as }: Wanted, loaded: Loaded): Preparing {
  const prepared =
    as === 'live'
      ? [...turn.prepared, { ...saidOf(turn, track), live: loaded, shadow: null, lacksShadow: false }]
      : turn.prepared.map((one) => (one.track === track ? { ...one, shadow: loaded } : one));
  return { ...turn, left: turn.left.slice(1), fetched: null, prepared };
}

function saidOf({ said }: Preparing, track: Said['track']): Said {
  return said.find((one) => one.track === track) as Said;
}

function wantedOf({ track, resolution: { live, shadow }, antibodyPins }: Said): readonly Wanted[] {
  const first: Wanted = { track, target: live, antibodyPins, as: 'live' };
  return shadow === null ? [first] : [first, { ...first, target: shadow.target, as: 'shadow' }];
}

/** Forgets what was prepared and is not wanted after all. */
export function dropOf(agent: Agent, prepared: readonly Prepared[], rest: Dropping['rest']): Dropping {
  const left = prepared.flatMap(({ track, live, shadow }) => {
    const { live: runs, shadow: beside } = runningOf(agent, track);
    return [live, shadow].flatMap((one) => {
      const isRunning = one === null || one.name === runs?.name || one.name === beside?.name;
      return isRunning ? [] : [{ track, name: one.name }];
    });
  });
  return { kind: 'dropping', left, rest };
}
