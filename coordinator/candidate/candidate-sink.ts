import { closeSync, openSync } from 'node:fs';
import type { AggregateSink } from '../../aggregation/blocks/blocks.ts';
import { failpoint } from '../../base/failpoint.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore, BlobWriter } from '../blobs/blob-store.ts';
import type { ServerOptimiser } from '../round/policy.ts';
import { firstMoments, momentsPerValue, moveBlock } from './server-optimiser.ts';
import { lastAggregateMark, partsOfState, readValues } from './server-state.ts';

export type CandidateFiles = Readonly<{
  /** Where candidate and state are written. */
  out: Pick<BlobStore, 'create'>;
  basePath: string;
  /** What the last round left (server-state.ts); null in a track's first round, and where no round leaves any. */
  statePath: string | null;
}>;

export type WrittenCandidate = Readonly<{ candidate: Digest; optimiserState: Digest | null }>;

/**
 * Takes the aggregated delta block by block, moves the base by it, and streams candidate and moments into blobs: memory
 * for one block, whatever d is, and for the aggregate where the next round starts from it.
 */
export class CandidateSink implements AggregateSink {
  #optimiser: ServerOptimiser;
  #base = -1;
  #moments: number | undefined;
  #aggregate: Float32Array | undefined;
  #candidate: BlobWriter;
  #state: BlobWriter | undefined;
  #offset = 0;
  #isFinite = true;

  constructor(
    optimiser: ServerOptimiser,
    { out, basePath, statePath }: CandidateFiles,
    d: number,
    keepsAggregate: boolean,
  ) {
    this.#optimiser = optimiser;
    this.#candidate = out.create();
    try {
      this.#base = openSync(basePath, 'r');
      const per = momentsPerValue(optimiser);
      if (per > 0 && statePath !== null) {
        this.#moments = openSync(statePath, 'r');
        if (partsOfState(this.#moments, d).momentsBytes !== d * per * 4) this.#dropMoments(); // Another optimiser's.
      }
      this.#aggregate = keepsAggregate ? new Float32Array(d) : undefined;
      this.#state = per > 0 || keepsAggregate ? out.create() : undefined;
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  write(offset: number, delta: Float64Array): void {
    if (offset !== this.#offset) throw new RangeError(`candidate: block at ${offset} does not follow ${this.#offset}`);
    this.#offset += delta.length;
    const per = momentsPerValue(this.#optimiser);
    const base = readValues(this.#base, offset * 4, delta.length);
    const moments =
      this.#moments === undefined
        ? firstMoments(this.#optimiser, delta.length)
        : readValues(this.#moments, offset * per * 4, delta.length * per);
    const moved = moveBlock(this.#optimiser, base, delta, moments);
    this.#isFinite &&= areFinite(moved) && areFinite(moments);
    this.#candidate.write(bytesOf(moved));
    this.#state?.write(bytesOf(moments));
    this.#aggregate?.set(delta, offset);
  }

  /** Undefined, with nothing left behind, when a value left the range of float32. */
  async finish(d: number): Promise<WrittenCandidate | undefined> {
    if (this.#offset !== d) throw new RangeError(`candidate: ${this.#offset} of ${d} values came`);
    if (!this.#isFinite || (this.#aggregate !== undefined && !areFinite(this.#aggregate))) {
      this.abandon();
      return undefined;
    }
    if (this.#aggregate !== undefined) {
      this.#state?.write(bytesOf(this.#aggregate));
      this.#state?.write(lastAggregateMark);
    }
    const optimiserState = (await this.#state?.commit()) ?? null;
    failpoint('optimiser-state-written');
    const candidate = await this.#candidate.commit();
    this.#closeInputs();
    return { candidate, optimiserState };
  }

  /** Leaves nothing behind. May be called twice, and after finish. */
  abandon(): void {
    this.#candidate.abandon();
    this.#state?.abandon();
    this.#closeInputs();
  }

  #closeInputs(): void {
    if (this.#base !== -1) closeSync(this.#base);
    this.#base = -1;
    this.#dropMoments();
  }

  #dropMoments(): void {
    if (this.#moments !== undefined) closeSync(this.#moments);
    this.#moments = undefined;
  }
}

/** A loop: `every` takes nine times as long on a model. */
function areFinite(values: Float32Array): boolean {
  for (let at = 0; at < values.length; at++) if (!Number.isFinite(values[at])) return false;
  return true;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
