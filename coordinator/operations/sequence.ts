import { ok, type Result } from '../../base/fault.ts';
import type { Committed } from '../ledger/store.ts';
import type { Engine } from '../rounds/engine.ts';

/** Where in the journal a change stands: its own entry, or the newest one where nothing had to be written. */
export function sequenceOf<Code extends string>(
  engine: Pick<Engine, 'state'>,
  committed: Result<Committed<unknown>, Code>,
): Result<number, Code> {
  return committed.ok ? ok(positionOf(engine, committed.value)) : committed;
}

/** The same, of a change that was made. */
export function positionOf(engine: Pick<Engine, 'state'>, { entries }: Committed<unknown>): number {
  return entries.at(-1)?.seq ?? engine.state().seq;
}

/** Where in the journal a change was written; 0 where nothing was: a dry run, or nothing to change. */
export function writtenAt({ entries }: Committed<unknown>): number {
  return entries.at(-1)?.seq ?? 0;
}
