import type { Result } from '../../../base/fault.ts';
import type { LayoutFaultCode } from '../../../proto/layout.ts';
import type { HeldModel } from '../../scoring/live-scoring.ts';
import type { ModelName } from '../../scoring/score-protocol.ts';
import type { ScoreFaultCode } from '../../scoring/scoring-thread.ts';
import type { ShadowObserver } from '../../scoring/shadow-verdicts.ts';
import type { KnownVerdicts } from './known-cases.ts';

/**
 * Why a host does not take a model; NON_FINITE and TENSOR_MISSING where bytes are all that is looked at, RELEASE_NOT_TAKEN where
 * a region's coordinator does not publish it (relay/).
 */
export type HostFaultCode = ScoreFaultCode | LayoutFaultCode | 'RELEASE_NOT_TAKEN';

/** Where a track's models run: the agent's side of live scoring. One call at a time. */
export interface ModelHost {
  /** Loads and warms a model beside the live one, which goes on scoring. A model that is loaded already stays as it is. */
  load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>>;
  /** Makes a loaded model the live one: each event is scored by the one before or by this one, never by both. */
  swap(model: ModelName): Promise<Result<undefined, HostFaultCode>>;
  /** Runs a loaded model beside the live one; its word counts in reports alone. Nothing ends the shadow run. */
  shadow(model: ModelName | undefined, observe?: ShadowObserver): Promise<Result<undefined, HostFaultCode>>;
  /** Forgets a loaded model that is neither live nor in shadow. */
  drop(model: ModelName): Promise<void>;
  /** What a loaded model says of the cases whose answer is known. */
  judgeKnown(model: ModelName): Promise<Result<KnownVerdicts, HostFaultCode>>;
}
