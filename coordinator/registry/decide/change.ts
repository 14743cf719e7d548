import type { Result } from '../../../base/fault.ts';
import type { Pins } from '../../../proto/release/documents/catalogue.ts';
import type { Actor } from '../../ledger/journal/events.ts';
import type { State } from '../../ledger/state/state.ts';
import type { StoreFaultCode } from '../../ledger/store.ts';
import type { Effect } from './effects.ts';
import type { RegistryFaultCode } from './faults.ts';
import type { Plan } from './planning.ts';

/** What every change has: why (1 to 500 characters), and whether it is only to be tried. */
export type ChangeOptions = Readonly<{ reason: string; dryRun?: boolean }>;

/** A change that is journalled (and, unless signing is in trouble, signed and pushed); `sequence` 0 for a dry run. */
export type Changed = Readonly<{ sequence: number; effects: readonly Effect[] }>;

export type ChangeResult = Promise<Result<Changed, RegistryFaultCode | StoreFaultCode>>;
/** With the version that was chosen. */
export type MoveResult = Promise<Result<Changed & Readonly<{ version: number }>, RegistryFaultCode | StoreFaultCode>>;

/** `newPins`: those that the plan puts in force, for what the change does to each cluster. */
export type Change = (
  actor: Actor,
  options: ChangeOptions,
  plan: (state: State) => Result<Plan, RegistryFaultCode>,
  newPins?: Pins,
) => MoveResult;
