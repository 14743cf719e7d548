import { readFile } from 'node:fs/promises';
import type { HeldModel } from '../../scoring/live-scoring.ts';
import type { ModelName } from '../../scoring/score-protocol.ts';
import { StoredModels } from '../hosts/stored-models.ts';

/** A host that scores nothing and remembers with what each model was loaded. */
export class RecordingHost extends StoredModels {
  readonly #models = new Map<ModelName, HeldModel>();

  override async load(model: HeldModel) {
    const loaded = await super.load(model);
    if (loaded.ok) this.#models.set(loaded.value, model);
    return loaded;
  }

  /** The antibodies that the live model is held to, with what is in the files of those that stay in use. */
  async held() {
    const model = this.live === undefined ? undefined : this.#models.get(this.live);
    return await Promise.all(
      (model?.heldAntibodies ?? []).map(async ({ path, ...rest }) => {
        return { ...rest, bytes: path === undefined ? undefined : await readFile(path, 'utf8') };
      }),
    );
  }
}
