import { type Fault, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Digest } from '../../../proto/ids.ts';
import { digestsOf } from '../fetch-release.ts';
import { everyHeld, withTrackOf } from '../held-releases.ts';
import {
  type Agent,
  type Committing,
  type Loaded,
  type Move,
  nothingRuns,
  type Persisting,
  type Prepared,
  type RunningTrack,
  runningOf,
  type Turn,
} from './agent.ts';
import { type Answer, ask, type Step, stay, tell } from './effects.ts';
import { committed, mended, refused } from './news.ts';

type Undoing = Extract<Turn, { kind: 'undoing' }>;

/** How a track gets from what runs to what was prepared. Nothing where it is there already. */
function movesTo({ live, shadow }: RunningTrack, prepared: Pick<Prepared, 'live' | 'shadow'>): readonly Move[] {
  const staysLive = live?.name === prepared.live.name;
  const isSameRun = staysLive && shadow !== null && shadow.name === prepared.shadow?.name;
  return [
    ...(shadow !== null && !isSameRun ? (['endShadow'] as const) : []),
    ...(staysLive ? [] : (['swap'] as const)),
    ...(prepared.shadow !== null && !isSameRun ? (['startShadow'] as const) : []),
  ];
}

/** One write makes floors and live versions true together; then the pointers move. */
export function answerPersisting(agent: Agent, turn: Persisting): Step {
  const { next, proposal, prepared, isComplete } = turn;
  const before = agent.stored.tracks;
  const rest = { moves: null, was: nothingRuns, changed: false, unwanted: [] };
  const committing: Committing = { kind: 'committing', proposal, before, left: prepared, isComplete, ...rest };
  return tell({ kind: 'persisted' })({ ...agent, stored: next, turn: committing });
}

export function goOnCommitting(agent: Agent, turn: Committing): Step {
  const [first, ...others] = turn.left;
  if (first === undefined) return finish(agent, turn);
  const { track, live, shadow } = first;
  const runs = runningOf(agent, track);
  if (turn.moves === null) {
    return stay({ ...agent, turn: { ...turn, moves: movesTo(runs, first), was: runs } });
  }
  const who = agent.who as NonNullable<typeof agent.who>;
  const [move] = turn.moves;
  if (move === undefined) return arrive(agent, { ...turn, left: others, moves: null }, first, turn);
  switch (move) {
    case 'endShadow': {
      const [beside, lived] = [runs.shadow as Loaded, runs.live as Loaded];
      return ask({ kind: 'endShadow', track, who, shadow: beside, live: lived, next: live.name })(agent);
    }
    case 'swap':
      return ask({ kind: 'swap', track, to: live })(agent);
    case 'startShadow':
      return ask({ kind: 'startShadow', track, shadow: shadow as Loaded, live })(agent);
  }
}

export function answerCommitting(agent: Agent, turn: Committing, answer: Answer, nowMs: EpochMs): Step {
  const prepared = turn.left[0] as Prepared;
  const { track, live, shadow } = prepared;
  const runs = runningOf(agent, track);
  const moved = { ...turn, moves: (turn.moves ?? []).slice(1) };
  const run = (running: RunningTrack, next: Committing = { ...moved, changed: true }): Agent => {
    return { ...agent, running: new Map(agent.running).set(track, running), turn: next };
  };
  switch (answer.kind) {
    case 'shadowEnded': {
      const version = runs.shadow?.release.target.version as number;
      return tell({ kind: 'shadowEnded', track, version })(run({ ...runs, shadow: null }, moved));
    }
    case 'swapped':
      if (!answer.result.ok) return fail(agent, turn, prepared, answer.result.fault, nowMs);
      return stay(run({ ...runs, live }));
    case 'shadowStarted':
      if (!answer.result.ok) return fail(agent, turn, prepared, answer.result.fault, nowMs);
      return stay(run({ ...runs, shadow }));
    case 'threw': {
      const { fault } = refuse('AGENT_FAILED', `${answer.why}; the last good model goes on`);
      return fail(agent, turn, prepared, fault, nowMs);
    }
    default:
      return stay(agent);
  }
}

/** What failed to become live is taken back on disk, and refused. */
export function answerUndoing(agent: Agent, turn: Undoing, nowMs: EpochMs): Step {
  const { track, live } = turn.rest.left[0] as Prepared;
  const next: Committing = { ...turn.rest, left: turn.rest.left.slice(1), moves: null };
  const target = live.release.target;
  return refused(turn.fault, { track, nowMs, target })({ ...agent, stored: turn.next, turn: next });
}

/** Digests of the files behind what is loaded. */
function digestsRunning({ running }: Agent): readonly Digest[] {
  return [...running.values()].flatMap(({ live, shadow }) =>
    [live, shadow].flatMap((one) => (one === null ? [] : digestsOf(one.release))),
  );
}

/** A track is where it should be, or at least its live version is. */
function arrive(agent: Agent, next: Committing, prepared: Prepared, turn: Committing): Step {
  const { track, live, shadow, lacksShadow } = prepared;
  const runs = runningOf(agent, track);
  // The same model under another manifest needs no swap: it is known by the newer from now on.
  const now: Agent = { ...agent, running: new Map(agent.running).set(track, { ...runs, live }), turn: next };
  const moves = movesTo(turn.was, prepared);
  const told = committed(prepared, turn.proposal, {
    swapped: moves.includes('swap'),
    before: turn.was.live,
    shadowStarted: moves.includes('startShadow') ? shadow : null,
  });
  return told(lacksShadow ? now : mended(now, track));
}

/** Where the swap failed, what was live stays, on disk too. A shadow that does not start leaves the new version live. */
function fail(agent: Agent, turn: Committing, prepared: Prepared, fault: Fault, nowMs: EpochMs): Step {
  const { track, live, shadow } = prepared;
  const runs = runningOf(agent, track);
  const names = [live, shadow].flatMap((one) => (one === null ? [] : [one.name]));
  const idle = names.filter((name) => name !== runs.live?.name && name !== runs.shadow?.name);
  const unwanted = [...turn.unwanted, ...idle.map((name) => ({ track, name }))];
  const failed: Committing = { ...turn, isComplete: false, unwanted };
  if (runs.live?.name === live.name) {
    const [, ...others] = turn.left;
    const without = { ...prepared, shadow: null, lacksShadow: true };
    const next = { ...agent, turn: { ...failed, left: [without, ...others], moves: [] } };
    return refused(fault, { track, nowMs, target: shadow?.release.target })(next);
  }
  const next = { ...agent.stored, tracks: withTrackOf(agent.stored.tracks, track, turn.before) };
  return stay({ ...agent, turn: { kind: 'undoing', next, fault, rest: failed } });
}

function finish(agent: Agent, { isComplete, changed, unwanted }: Committing): Step {
  if (unwanted.length > 0) {
    return stay({ ...agent, turn: { kind: 'dropping', left: unwanted, rest: { kind: 'ended', isDone: isComplete } } });
  }
  // What is half fetched is still wanted.
  if (isComplete && changed) return stay({ ...agent, turn: { kind: 'pruning' } });
  return stay({ ...agent, turn: { kind: 'ended', isDone: isComplete } });
}

/** Files that neither run nor are kept for a rollback are removed. */
export function goOnPruning(agent: Agent): Step {
  const { trust, tracks } = agent.stored;
  if (trust === null) return stay({ ...agent, turn: { kind: 'ended', isDone: true } });
  const held = Object.values(tracks).flatMap((one) => everyHeld(one).map(({ target }) => target));
  return ask({ kind: 'prune', digests: digestsRunning(agent), held, federation: trust.federation })(agent);
}
