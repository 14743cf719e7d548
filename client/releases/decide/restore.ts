import { refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { isInForce } from '../../../proto/release/legality.ts';
import { everyHeld } from '../held-releases.ts';
import { type Agent, floorOf, heldOf, type Restorable, runningOf, type Turn } from './agent.ts';
import { type Answer, ask, inTurn, type Step, stay, tell } from './effects.ts';
import { lookForEnds } from './expiry.ts';
import { refused } from './news.ts';

type Restoring = Extract<Turn, { kind: 'restoring' }>;

/** The last good releases run again, without the coordinator. */
export function start(agent: Agent, nowMs: EpochMs): Step {
  const { storeFault, stored, tracks } = agent;
  const left = tracks.map((track) => ({ track, candidates: everyHeld(heldOf(stored, track)) }));
  return inTurn(
    agent,
    storeFault === undefined ? stay : refused(storeFault, { track: undefined, nowMs }),
    (now) => lookForEnds(now, nowMs),
    (now) => {
      if (stored.federation === null) return stay(now);
      return stay({
        ...now,
        turn: { kind: 'restoring', federation: stored.federation, left, fetched: null, loaded: null, unwanted: null },
      });
    },
  );
}

/** Each track's live release, or an earlier one where its files are damaged. */
export function goOnRestoring(agent: Agent, turn: Restoring, nowMs: EpochMs): Step {
  if (turn.unwanted !== null) return ask({ kind: 'drop', ...turn.unwanted })(agent);
  const [first, ...others] = turn.left;
  if (first === undefined) return stay({ ...agent, turn: { kind: 'idle' } });
  const { track, candidates } = first;
  const candidate = candidates[0];
  if (candidate === undefined) return stay({ ...agent, turn: { ...turn, left: others } });
  const { target } = candidate;
  const floor = floorOf(agent.stored, track);
  // What was live is the last good one, whatever was signed since; no other goes below the floor.
  if (candidate !== heldOf(agent.stored, track).live && target.version < floor) {
    const why = `${track} ${target.version} lies below the floor ${floor}, and does not stand in for the live version`;
    const next = { ...agent, turn: withoutCandidate(turn, first, others) };
    return refused(refuse('VERSION_BELOW_FLOOR', why).fault, { track, nowMs, target })(next);
  }
  if (turn.loaded !== null) return ask({ kind: 'swap', track, to: turn.loaded })(agent);
  if (turn.fetched !== null) return ask({ kind: 'load', track, release: turn.fetched })(agent);
  // What operators held this cluster to goes on, also with an earlier version.
  const antibodyPins = (heldOf(agent.stored, track).live?.antibodyPins ?? []).filter((pin) => isInForce(pin, nowMs));
  return ask({ kind: 'fetch', track, target, federation: turn.federation, antibodyPins })(agent);
}

export function answerRestoring(agent: Agent, turn: Restoring, answer: Answer, nowMs: EpochMs): Step {
  if (turn.unwanted !== null) return stay({ ...agent, turn: { ...turn, unwanted: null } });
  const [first, ...others] = turn.left;
  if (first === undefined) return stay(agent);
  const { track, candidates } = first;
  const target = candidates[0]?.target;
  const failed = (fault: Parameters<typeof refused>[0]) =>
    refused(fault, { track, nowMs, target })({ ...agent, turn: withoutCandidate(turn, first, others) });
  switch (answer.kind) {
    case 'fetched': {
      if (!answer.result.ok) return failed(answer.result.fault);
      const fetched = answer.result.value;
      const told = tell({ kind: 'fetched', track, version: fetched.target.version, milliseconds: answer.milliseconds });
      return told({ ...agent, turn: { ...turn, fetched } });
    }
    case 'loaded': {
      if (!answer.result.ok) return failed(answer.result.fault);
      const release = turn.fetched as NonNullable<typeof turn.fetched>;
      const { version } = release.target;
      const loaded = { release, name: answer.result.value };
      const told = tell({ kind: 'loaded', track, version, milliseconds: answer.milliseconds });
      return told({ ...agent, turn: { ...turn, loaded } });
    }
    case 'swapped': {
      if (!answer.result.ok) return failed(answer.result.fault);
      const live = turn.loaded as NonNullable<typeof turn.loaded>;
      const running = new Map(agent.running).set(track, { ...runningOf(agent, track), live });
      const next = { ...agent, running, turn: { ...turn, left: others, fetched: null, loaded: null } };
      return tell({ kind: 'restored', track, version: live.release.target.version })(next);
    }
    case 'threw':
      return failed(refuse('AGENT_FAILED', answer.why).fault);
    default:
      return stay(agent);
  }
}

function withoutCandidate(
  turn: Restoring,
  { track, candidates }: Restorable,
  others: readonly Restorable[],
): Restoring {
  const unwanted = turn.loaded === null ? null : { track, name: turn.loaded.name };
  const left = [{ track, candidates: candidates.slice(1) }, ...others];
  return { ...turn, left, fetched: null, loaded: null, unwanted };
}
