import type { TrackId } from '../../../proto/ids.ts';
import { type Agent, runningOf, type Turn } from './agent.ts';
import { type Answer, ask, type Step, stay, tell } from './effects.ts';

type Reporting = Extract<Turn, { kind: 'reporting' }>;
type Closing = Extract<Turn, { kind: 'closing' }>;

/** A report on each run in shadow, one after the other; then the next one is waited for. */
export function goOnReporting(agent: Agent, turn: Reporting): Step {
  const [track, ...others] = turn.left;
  if (track === undefined || agent.stopping) {
    return { agent: { ...agent, turn: { kind: 'idle' } }, effects: [{ kind: 'wait', what: 'shadowReport' }] };
  }
  const next: Agent = { ...agent, turn: { kind: 'reporting', left: others } };
  const { live, shadow } = runningOf(agent, track);
  if (live === null || shadow === null || agent.who === undefined) return stay(next);
  return ask({ kind: 'reportShadow', track, who: agent.who, shadow, live })(next);
}

/** Each run in shadow is ended, with a last report on it. */
export function goOnClosing(agent: Agent, { left }: Closing): Step {
  const [track, ...others] = left;
  if (track === undefined) return stay({ ...agent, turn: { kind: 'closed' } });
  const { live, shadow } = runningOf(agent, track);
  if (live !== null && shadow !== null && agent.who !== undefined) {
    return ask({ kind: 'endShadow', track, who: agent.who, shadow, live, next: undefined })(agent);
  }
  return stay({ ...agent, turn: { kind: 'closing', left: others } });
}

export function answerClosing(agent: Agent, { left }: Closing, answer: Answer): Step {
  const [track, ...others] = left as readonly [TrackId, ...TrackId[]];
  const { live, shadow } = runningOf(agent, track);
  const running = new Map(agent.running).set(track, { live, shadow: null });
  const next: Agent = { ...agent, running, turn: { kind: 'closing', left: others } };
  if (answer.kind !== 'shadowEnded' || shadow === null) return stay(next);
  return tell({ kind: 'shadowEnded', track, version: shadow.release.target.version })(next);
}
