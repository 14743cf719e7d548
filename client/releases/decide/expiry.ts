import { refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Agent } from './agent.ts';
import type { Step } from './effects.ts';
import { refused } from './news.ts';

/**
 * What ends next of the pins that decide what is live and of the metadata is waited for: nobody else will tell of it,
 * least of all without a coordinator. A pin that has ended since the last turn began, such as while its release was fetched, asks for
 * another turn at once. Metadata that has ended is refused; the last good models go on.
 */
export function lookForEnds(agent: Agent, nowMs: EpochMs): Step {
  const { expiresAtMs, tracks } = agent.stored;
  if (expiresAtMs !== null && nowMs >= expiresAtMs) {
    const at = new Date(expiresAtMs).toISOString();
    const message = `the release metadata expired at ${at}; the last good models go on, nothing new is installed`;
    return refused(refuse('METADATA_EXPIRED', message).fault, { track: undefined, nowMs })(agent);
  }
  const pinEnds = Object.values(tracks).flatMap(({ live }) => {
    const ofVersion = live?.because.kind === 'pin' ? live.because.untilMs : null;
    return [ofVersion, ...(live?.antibodyPins ?? []).map(({ untilMs }) => untilMs)].filter((endMs) => endMs !== null);
  });
  const ends = [...pinEnds, ...(expiresAtMs === null ? [] : [expiresAtMs])].filter((endMs) => endMs > nowMs);
  const isOver = pinEnds.some((endMs) => endMs > agent.begunAtMs && endMs <= nowMs);
  return {
    agent: isOver ? { ...agent, asked: true } : agent,
    effects: ends.length === 0 ? [] : [{ kind: 'wait', what: 'expiry', untilMs: Math.min(...ends) }],
  };
}
