import { isDeepStrictEqual } from 'node:util';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import { foldEntry } from '../ledger/state/fold.ts';
import { copyState } from '../ledger/state/mutable-state.ts';
import type { State } from '../ledger/state/state.ts';
import { ada } from './released-state.ts';

type When = Readonly<{ atMs?: number; actor?: Actor }>;

/** The state after these events, one entry each. Throws where a fold changes in place what an earlier state holds too. */
export function folded(before: State, events: readonly JournalEvent[], { atMs = 0, actor = ada }: When = {}): State {
  const after = copyState(before);
  for (const event of events) {
    freezeParts(after);
    freezeDeep(event);
    foldEntry(after, { seq: after.seq + 1, epoch: 1, chain: '', atMs, actor, event });
  }
  return after;
}

/** The parts of the state that differ, its position aside. */
export function changedParts(before: State, after: State): readonly string[] {
  const names = Object.keys(after) as (keyof State)[];
  return names.filter((name) => name !== 'seq' && !isDeepStrictEqual(before[name], after[name]));
}

/** The parts are the state's own: maps that grow, whose values are shared. */
function freezeParts(parts: object): void {
  for (const part of Object.values(parts)) freezeDeep(part);
}

function freezeDeep(value: unknown): void {
  if (value instanceof Map) {
    for (const member of value.values()) freezeDeep(member);
    return;
  }
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (!isPlain) return; // A growing list shares what it grows by.
  Object.freeze(value);
  freezeParts(value);
}
