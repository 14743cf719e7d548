import type { Actor } from '../coordinator/ledger/journal/events.ts';
import type { State } from '../coordinator/ledger/state/state.ts';
import type { Engine } from '../coordinator/rounds/engine.ts';

/** What a relay needs of its region's coordinator. */
export type Region = Pick<Engine, 'federation' | 'state' | 'follow' | 'commit' | 'blobs' | 'openRound' | 'cancelRound'>;

/** Who opens a region's rounds and publishes its parent's releases, in the region's journal. */
export const byRelay: Actor = { kind: 'coordinator', part: 'relay' };

/**
 * What `look` finds once it finds anything, by a look now and one after each entry of the region's journal; undefined when
 * `signal` aborts before.
 */
export async function onceTrue<Value>(
  region: Pick<Region, 'state' | 'follow'>,
  look: (state: State) => Value | undefined,
  signal: AbortSignal,
): Promise<Value | undefined> {
  if (signal.aborted) return undefined;
  const found = Promise.withResolvers<Value | undefined>();
  const give = () => {
    const value = look(region.state());
    if (value !== undefined) found.resolve(value);
  };
  const stop = () => found.resolve(undefined);
  const unfollow = region.follow(give);
  signal.addEventListener('abort', stop, { once: true });
  try {
    give();
    return await found.promise;
  } finally {
    unfollow();
    signal.removeEventListener('abort', stop);
  }
}
