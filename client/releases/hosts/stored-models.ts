import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { findNonFinite, layoutOf, valuesOfBytes } from '../../../proto/layout.ts';
import type { HeldModel } from '../../scoring/live-scoring.ts';
import { type ModelName, nameOf } from '../../scoring/score-protocol.ts';
import type { KnownVerdicts } from './known-cases.ts';
import type { HostFaultCode, ModelHost } from './model-host.ts';

/**
 * The host of a client that has nothing to score as it happens: it reads recordings. A model is live once its weights
 * were read and fit its spec; nothing is kept in memory.
 */
export class StoredModels implements ModelHost {
  readonly #loaded = new Set<ModelName>();
  #live: ModelName | undefined;
  #shadow: ModelName | undefined;

  get live(): ModelName | undefined {
    return this.#live;
  }

  async load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>> {
    const bytes = await readFile(model.weightsPath);
    if (digestOf(bytes) !== model.digest) {
      return refuse('MODEL_DIGEST_MISMATCH', `the file of ${model.digest} holds other bytes; it will be fetched again`);
    }
    const layout = layoutOf(model.spec);
    const values = valuesOfBytes(layout, bytes);
    if (!values.ok) return values;
    const fault = findNonFinite(layout, values.value);
    if (fault !== undefined) return { ok: false, fault };
    const name = nameOf(model);
    this.#loaded.add(name);
    return ok(name);
  }

  async swap(model: ModelName): Promise<Result<undefined, HostFaultCode>> {
    if (!this.#loaded.has(model)) return notLoaded(model);
    const before = this.#live;
    this.#live = model;
    if (this.#shadow === model) this.#shadow = undefined;
    if (before !== undefined) await this.drop(before);
    return ok(undefined);
  }

  async shadow(model: ModelName | undefined): Promise<Result<undefined, HostFaultCode>> {
    if (model !== undefined && !this.#loaded.has(model)) return notLoaded(model);
    const before = this.#shadow;
    this.#shadow = model;
    if (before !== undefined) await this.drop(before);
    return ok(undefined);
  }

  async drop(model: ModelName): Promise<void> {
    if (model !== this.#live && model !== this.#shadow) this.#loaded.delete(model);
  }

  /** Nothing is scored here, so nothing is known. */
  async judgeKnown(): Promise<Result<KnownVerdicts, HostFaultCode>> {
    return ok({ attacks: new Map(), falsePositives: [] });
  }
}

function notLoaded(model: ModelName) {
  return refuse('MODEL_NOT_LOADED', `${model} was not loaded; load it first`);
}
