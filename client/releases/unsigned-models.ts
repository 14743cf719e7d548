import type { ModelCache } from '../rounds/model-cache.ts';
import { type InstalledModel, rememberedModel, rememberModel } from '../scoring/installed-model.ts';
import type { HeldModel } from '../scoring/live-scoring.ts';

export type UnsignedModelsParts = Readonly<{
  dataDirectory: string;
  models: Pick<ModelCache, 'path'>;
  /** Makes it the live model if it is still wanted once it is loaded; its faults are the callee's to report. */
  install(model: HeldModel, isWanted: () => boolean): Promise<void>;
  /** It runs, and a start will not find it. */
  trouble(cause: string): void;
}>;

/**
 * Models that scored before there were releases: the bases of rounds, vouched for by the coordinator's connection alone.
 * A coordinator that serves no releases leaves nothing better. Once this cluster has trusted signed metadata they are
 * never installed again, whatever the coordinator then claims not to serve: else a stolen one would only have to deny.
 */
export class UnsignedModels {
  readonly #parts: UnsignedModelsParts;
  /** `unknown`: nobody has said yet whether releases are served. The newest offer waits for that. */
  #releases: 'unknown' | 'unserved' | 'trusted' = 'unknown';
  #offered: InstalledModel | undefined;
  #installing: Promise<void> = Promise.resolve();

  constructor(parts: UnsignedModelsParts) {
    this.#parts = parts;
  }

  /** The model of an earlier run, for a start at which no release is there. */
  async restore(): Promise<void> {
    const remembered = await rememberedModel(this.#parts.dataDirectory);
    if (remembered !== undefined) await this.#install(remembered);
  }

  /** The base of a round was fetched. */
  offer(model: InstalledModel): void {
    if (this.#releases === 'trusted') return;
    this.#offered = model;
    if (this.#releases === 'unserved') this.#installOffered();
  }

  /** The coordinator has no Releases service. */
  unserved(): void {
    if (this.#releases === 'trusted') return;
    this.#releases = 'unserved';
    this.#installOffered();
  }

  /** Signed metadata is trusted from now on. */
  superseded(): void {
    this.#releases = 'trusted';
    this.#offered = undefined;
  }

  async close(): Promise<void> {
    await this.#installing;
  }

  #installOffered(): void {
    const model = this.#offered;
    if (model === undefined) return;
    this.#offered = undefined;
    this.#installing = this.#installing.then(async () => {
      if (this.#releases !== 'unserved') return;
      // A disk that is full costs a fetch after the next start, and no detector.
      await rememberModel(this.#parts.dataDirectory, model).catch(({ message }: Error) => this.#parts.trouble(message));
      await this.#install(model);
    });
  }

  async #install({ version, digest, spec }: InstalledModel): Promise<void> {
    // Metadata may come to be trusted at any time, and what it vouches for be live before this one is loaded.
    const isWanted = () => this.#releases !== 'trusted';
    if (!isWanted()) return;
    await this.#parts.install({ version, digest, spec, weightsPath: this.#parts.models.path(digest) }, isWanted);
  }
}
