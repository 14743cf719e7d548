import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { HeldModel } from '../../scoring/live-scoring.ts';
import { type ModelName, nameOf } from '../../scoring/score-protocol.ts';
import type { KnownVerdicts } from '../hosts/known-cases.ts';
import type { HostFaultCode, ModelHost } from '../hosts/model-host.ts';

/** A host that reads light forms and holds them against their digests, and scores nothing: many of them stand beside each other. */
export class LightFiles implements ModelHost {
  readonly #names = new Set<ModelName>();

  async load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>> {
    const { light, version } = model;
    if (light === undefined) return refuse('MODEL_UNUSABLE', `version ${version} has no light form`);
    const bytes = await readFile(light.path);
    if (digestOf(bytes) !== light.digest) {
      return refuse('MODEL_DIGEST_MISMATCH', `the file of ${light.digest} holds other bytes`);
    }
    this.#names.add(nameOf(model));
    return ok(nameOf(model));
  }

  async swap(model: ModelName): Promise<Result<undefined, HostFaultCode>> {
    if (!this.#names.has(model)) return refuse('MODEL_NOT_LOADED', `${model} was not loaded`);
    return ok(undefined);
  }

  async shadow(): Promise<Result<undefined, HostFaultCode>> {
    return ok(undefined);
  }

  async drop(model: ModelName): Promise<void> {
    this.#names.delete(model);
  }

  async judgeKnown(): Promise<Result<KnownVerdicts, HostFaultCode>> {
    return ok({ attacks: new Map(), falsePositives: [] });
  }
}
