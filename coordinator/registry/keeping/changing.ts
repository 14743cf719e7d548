import { ok } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Pins } from '../../../proto/release/documents/catalogue.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import type { State } from '../../ledger/state/state.ts';
import type { Store } from '../../ledger/store.ts';
import type { Change } from '../decide/change.ts';
import { effectsOf, noPins, stateAfter } from '../decide/effects.ts';
import { reasonFault } from '../decide/planning.ts';

type Parts = Readonly<{
  store: Store;
  clock: () => EpochMs;
  pins: () => Pins | null;
  /** Signs what is due; resolves when that is done, or does not work. */
  sign: () => Promise<void>;
}>;

/** Plans against the newest state and writes what was planned; a dry run ends before the writing. */
export function changing({ store, clock, pins: pinsInForce, sign }: Parts): Change {
  return async (actor, { reason, dryRun = false }, plan, newPins) => {
    const unreasoned = reasonFault(reason);
    if (unreasoned !== undefined) return { ok: false, fault: unreasoned };
    const pins = pinsInForce() ?? noPins;
    const effectsIn = (state: State, events: readonly JournalEvent[], atMs: EpochMs) =>
      effectsOf({ state, pins }, { state: stateAfter(state, actor, atMs, events), pins: newPins ?? pins }, atMs);
    if (dryRun) {
      const state = store.state();
      const planned = plan(state);
      if (!planned.ok) return planned;
      const { events, version } = planned.value;
      return ok({ sequence: 0, effects: effectsIn(state, events, clock()), version });
    }
    const committed = await store.commit(actor, (state, atMs) => {
      const planned = plan(state);
      if (!planned.ok) return planned;
      const { events, version } = planned.value;
      return ok({ events, value: { effects: effectsIn(state, events, atMs), version } });
    });
    if (!committed.ok) return committed;
    // The answer follows the signature, unless signing is in trouble: then what was journalled is signed later.
    await sign();
    return ok({ sequence: committed.value.entries.at(-1)?.seq ?? 0, ...committed.value.value });
  };
}
