import { refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Agent, Dropping, Ended, Turn } from './agent.ts';
import { answerCommitting, answerPersisting, answerUndoing, goOnCommitting, goOnPruning } from './commit.ts';
import { type Answer, ask, type HappenedAt, inTurn, type Step, stay } from './effects.ts';
import { lookForEnds } from './expiry.ts';
import { refused, refusedByAll } from './news.ts';
import { answerPreparing, dropOf, goOnChecking, goOnPreparing } from './prepare.ts';
import { answerRestoring, goOnRestoring, start } from './restore.ts';
import { answerClosing, goOnClosing, goOnReporting } from './shadow-runs.ts';
import { anchorByHand, take, withRoots } from './trust.ts';

/** What an agent does about what happened. Awaits nothing, reads no clock; whatever fails, the last good model goes on. */
export function step(agent: Agent, happened: HappenedAt): Step {
  const { nowMs } = happened;
  let now = hear(agent, happened);
  // A turn goes on until it waits for an answer, or has nothing left to do.
  for (let next = goOn(now.agent, nowMs); next !== undefined; next = goOn(now.agent, nowMs)) {
    now = { agent: next.agent, effects: [...now.effects, ...next.effects] };
  }
  return now;
}

function hear(agent: Agent, happened: HappenedAt): Step {
  const { nowMs } = happened;
  switch (happened.kind) {
    case 'started':
      return agent.turn.kind === 'idle' ? start(agent, nowMs) : stay(agent);
    case 'enrolled':
      return follow({ ...agent, who: happened.who }, nowMs);
    case 'connected':
    case 'disconnected':
      return stay({ ...agent, connected: happened.kind === 'connected' });
    case 'arrived':
      return agent.stopping || agent.storeFault !== undefined ? stay(agent) : take(agent, happened, nowMs);
    case 'due':
      return comeDue(agent, happened.what, nowMs);
    case 'reportLost':
      return inTurn(agent, refused(ofOwn(happened.why), { track: undefined, nowMs }), tryLater);
    case 'stopped':
      return stay({ ...agent, stopping: true });
    default:
      return hearAnswer(agent, happened, nowMs);
  }
}

/** What the turn waits for and nothing else: an answer that nobody waits for changes nothing. */
function hearAnswer(agent: Agent, answer: Answer, nowMs: EpochMs): Step {
  if (agent.awaits === null || (answer.kind !== agent.awaits && answer.kind !== 'threw')) return stay(agent);
  const now = { ...agent, awaits: null };
  const { turn } = now;
  switch (turn.kind) {
    case 'restoring':
      return answerRestoring(now, turn, answer, nowMs);
    case 'preparing':
      return answerPreparing(now, turn, answer, nowMs);
    case 'committing':
      return answerCommitting(now, turn, answer, nowMs);
    case 'closing':
      return answerClosing(now, turn, answer);
    case 'reporting':
      return answer.kind === 'threw' ? refused(ofOwn(answer.why), { track: undefined, nowMs })(now) : stay(now);
    default:
      if (answer.kind === 'threw') {
        const threw = refused(ofOwn(answer.why), { track: undefined, nowMs });
        return inTurn({ ...now, turn: afterThrow(now, turn) }, threw, refusalBehind(turn, nowMs));
      }
      return answerQuietly(now, turn, nowMs);
  }
}

/** What was loaded for nothing is dropped all the same, before another try. */
function afterThrow(agent: Agent, turn: Turn): Dropping | Ended {
  if (turn.kind === 'persisting') return dropOf(agent, turn.prepared, failed);
  if (turn.kind === 'undoing') return { kind: 'dropping', left: turn.rest.unwanted, rest: failed };
  return turn.kind === 'dropping' ? { ...turn, left: turn.left.slice(1), rest: failed } : failed;
}

/** A swap that failed is said, also where it could not be taken back on disk. */
function refusalBehind(turn: Turn, nowMs: EpochMs): (agent: Agent) => Step {
  const [prepared] = turn.kind === 'undoing' ? turn.rest.left : [];
  if (turn.kind !== 'undoing' || prepared === undefined) return stay;
  return refused(turn.fault, { track: prepared.track, nowMs, target: prepared.live.release.target });
}

function answerQuietly(agent: Agent, turn: Turn, nowMs: EpochMs): Step {
  switch (turn.kind) {
    case 'rooting': {
      const roots = agent.roots.slice(turn.count);
      return stay({ ...agent, stored: turn.next, roots, turn: { kind: 'checking', overtaken: 0 } });
    }
    case 'persisting':
      return answerPersisting(agent, turn);
    case 'undoing':
      return answerUndoing(agent, turn, nowMs);
    case 'dropping':
      return stay({ ...agent, turn: { ...turn, left: turn.left.slice(1) } });
    case 'pruning':
      return stay({ ...agent, turn: { kind: 'ended', isDone: true } });
    default:
      return stay(agent);
  }
}

/** The next thing to do; undefined while an answer is waited for, and when there is none. */
function goOn(agent: Agent, nowMs: EpochMs): Step | undefined {
  if (agent.awaits !== null) return undefined;
  const { turn } = agent;
  switch (turn.kind) {
    case 'idle':
      return begin(agent, nowMs);
    case 'restoring':
      return goOnRestoring(agent, turn, nowMs);
    case 'rooting':
      return ask({ kind: 'persist', state: turn.next })(agent);
    case 'checking':
      return goOnChecking(agent, turn, nowMs);
    case 'preparing':
      return goOnPreparing(agent, turn, nowMs);
    case 'dropping': {
      const [first] = turn.left;
      return first === undefined ? stay({ ...agent, turn: turn.rest }) : ask({ kind: 'drop', ...first })(agent);
    }
    case 'persisting':
    case 'undoing':
      return ask({ kind: 'persist', state: turn.next })(agent);
    case 'committing':
      return goOnCommitting(agent, turn);
    case 'pruning':
      return goOnPruning(agent);
    case 'ended':
      return end(agent, turn, nowMs);
    case 'reporting':
      return goOnReporting(agent, turn);
    case 'closing':
      return goOnClosing(agent, turn);
    case 'closed':
      return undefined;
  }
}

function begin(agent: Agent, nowMs: EpochMs): Step | undefined {
  if (agent.stopping) return stay({ ...agent, turn: { kind: 'closing', left: agent.tracks } });
  if (agent.asked) {
    const now = { ...agent, asked: false, begunAtMs: nowMs, retry: { ...agent.retry, isWaiting: false } };
    const next = withRoots(now);
    if (next === undefined) return stay({ ...now, turn: { kind: 'checking', overtaken: 0 } });
    return stay({ ...now, turn: { kind: 'rooting', next, count: now.roots.length } });
  }
  if (agent.reportsDue) {
    return stay({ ...agent, reportsDue: false, turn: { kind: 'reporting', left: agent.tracks } });
  }
  return undefined;
}

function end(agent: Agent, { isDone }: Ended, nowMs: EpochMs): Step {
  const now: Agent = { ...agent, turn: { kind: 'idle' } };
  if (agent.stopping) return stay(now);
  return inTurn(
    now,
    (ended) => lookForEnds(ended, nowMs),
    (ended) => (isDone ? stay({ ...ended, retry: { ...ended.retry, attempt: 0 } }) : tryLater(ended)),
  );
}

/** Signed metadata is followed from now on: unless the anchor is none. */
function follow(agent: Agent, nowMs: EpochMs): Step {
  if (agent.who === undefined) return stay(agent);
  // Trust that does not read back is not replaced by whatever a coordinator presents next: it hears why, and nothing of its is taken.
  if (agent.storeFault !== undefined) {
    const { agent: said, effects } = refusedByAll(agent.storeFault)(agent);
    return { agent: said, effects: [...effects, { kind: 'follow' }] };
  }
  const anchored = anchorByHand(agent, agent.who.federation);
  if (!anchored.ok) return refused(anchored.fault, { track: undefined, nowMs })(agent);
  const { agent: now, effects } = anchored.value;
  return { agent: now, effects: [...effects, { kind: 'follow' }, { kind: 'wait', what: 'shadowReport' }] };
}

function comeDue(agent: Agent, what: 'retry' | 'shadowReport' | 'expiry', nowMs: EpochMs): Step {
  if (agent.stopping) return stay(agent);
  switch (what) {
    case 'retry':
      // Another turn has begun since: whether there is anything to try again is for that one to say.
      return stay(agent.retry.isWaiting ? { ...agent, asked: true } : agent);
    case 'shadowReport':
      return stay({ ...agent, reportsDue: true });
    case 'expiry':
      return inTurn({ ...agent, asked: true }, (now) => lookForEnds(now, nowMs));
  }
}

function tryLater(agent: Agent): Step {
  const { attempt } = agent.retry;
  return {
    agent: { ...agent, retry: { attempt: attempt + 1, isWaiting: true } },
    effects: [{ kind: 'wait', what: 'retry', attempt }],
  };
}

const failed: Ended = { kind: 'ended', isDone: false };

/** A full disk, say: detectors must not go dark for it. */
function ofOwn(why: string) {
  return refuse('AGENT_FAILED', `${why}; the last good models go on`).fault;
}
