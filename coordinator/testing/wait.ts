import type { Round } from '../ledger/state/state.ts';
import type { Engine } from '../rounds/engine.ts';
import { track } from './small-federation.ts';

/** Resolves once `holds` of the durable state, looked at after every entry. */
export function until<Found>(engine: Engine, find: () => Found | undefined): Promise<Found> {
  const { promise, resolve } = Promise.withResolvers<Found>();
  const look = () => {
    const found = find();
    if (found === undefined) return;
    unfollow();
    resolve(found);
  };
  const unfollow = engine.follow(look);
  look();
  return promise;
}

/** The round, once it has ended and nothing of it is left to do. */
export function roundEnd(engine: Engine, id: string): Promise<Round> {
  return until(engine, () => {
    const round = [...(engine.state().tracks.get(track)?.rounds.values() ?? [])].find(({ round: name }) => name === id);
    const over = round?.phase.kind === 'candidate' || round?.phase.kind === 'abandoned';
    return over && round.pending.length === 0 ? round : undefined;
  });
}
