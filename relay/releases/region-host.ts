import { ok, type Result, refuse } from '../../base/fault.ts';
import type { HostFaultCode, ModelHost } from '../../client/releases/hosts/model-host.ts';
import type { HeldModel } from '../../client/scoring/live-scoring.ts';
import { type ModelName, nameOf } from '../../client/scoring/score-protocol.ts';
import type { TrackId } from '../../proto/ids.ts';
import { specMisfit } from '../spec-fit.ts';
import { type Republished, type RepublishParts, republish } from './republish.ts';

export type RegionHostParts = RepublishParts &
  Readonly<{
    track: TrackId;
    /** Aborts when the relay stops. */
    signal: AbortSignal;
    republished: (report: Republished & Readonly<{ track: TrackId; parentVersion: number }>) => void;
  }>;

/**
 * Where a relay's agent puts what its parent releases: not into a detector, but into the region's own catalogue. Every check of an
 * agent's comes before: the parent's roots, its floor, its pins, each file's digest.
 */
export class RegionHost implements ModelHost {
  readonly #parts: RegionHostParts;
  readonly #loaded = new Map<ModelName, HeldModel>();

  constructor(parts: RegionHostParts) {
    this.#parts = parts;
  }

  async load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>> {
    const { region, track } = this.#parts;
    const misfit = specMisfit(track, region.state().tracks.get(track), model.spec);
    if (misfit !== undefined) return refuse('RELEASE_NOT_TAKEN', misfit);
    const name = nameOf(model);
    this.#loaded.set(name, model);
    return ok(name);
  }

  async swap(name: ModelName): Promise<Result<undefined, HostFaultCode>> {
    const { track, signal, republished } = this.#parts;
    const model = this.#loaded.get(name);
    if (model === undefined) return refuse('MODEL_NOT_LOADED', `${name} is not loaded`);
    const done = await republish(track, model, this.#parts, signal);
    if (!done.ok) return refuse('RELEASE_NOT_TAKEN', `${done.fault.code}: ${done.fault.message}`);
    republished({ ...done.value, track, parentVersion: model.version });
    for (const other of this.#loaded.keys()) if (other !== name) this.#loaded.delete(other);
    return ok(undefined);
  }

  async shadow(model: ModelName | undefined): Promise<Result<undefined, HostFaultCode>> {
    if (model === undefined) return ok(undefined);
    return refuse('RELEASE_NOT_TAKEN', 'a relay judges nothing: assign its region to a channel without a canary');
  }

  async drop(model: ModelName): Promise<void> {
    this.#loaded.delete(model);
  }

  async judgeKnown(): Promise<Result<never, HostFaultCode>> {
    return refuse('RELEASE_NOT_TAKEN', 'a relay judges nothing');
  }
}
