import { FaultError, ok, type Result, refuse } from '../../base/fault.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import {
  type AggregationJob,
  type AggregationResult,
  type AggregationRunner,
  inputsOf,
  type RunFaultCode,
  type TileJob,
  type TileResult,
} from './job.ts';

type Outcome = Result<AggregationResult, RunFaultCode>;

export type StoredRunnerParts = Readonly<{
  /** Works on files of this machine alone. */
  inner: AggregationRunner;
  /** Asked for at the first job: a runner may be made before the store is open. */
  blobs: () => Promise<BlobStore>;
  /** Whenever no job is in hand, and so no file needed any more. */
  done?: () => Promise<void>;
}>;

/**
 * Runs jobs where the store is elsewhere: fetches what a job names, lets it run on files as it would beside the coordinator, and
 * answers only when candidate, state and provenance lie in the store.
 */
export class StoredRunner implements AggregationRunner {
  readonly #parts: StoredRunnerParts;
  /** Jobs in hand: after an outage of the queue another may come while the last is not done. */
  #count = 0;

  constructor(parts: StoredRunnerParts) {
    this.#parts = parts;
  }

  run(job: AggregationJob, signal?: AbortSignal): Promise<Outcome> {
    return this.#inHand(job, async (blobs): Promise<Outcome> => {
      const ran = await this.#parts.inner.run(job, signal);
      return ran.ok ? stored(blobs, ran.value) : ran;
    });
  }

  runTile(tile: TileJob, signal?: AbortSignal): Promise<Result<TileResult, RunFaultCode>> {
    return this.#inHand(tile.job, async (blobs): Promise<Result<TileResult, RunFaultCode>> => {
      const { inner } = this.#parts;
      const ran = (await inner.runTile?.(tile, signal)) ?? refuse('WORKER_LOST', 'this runner computes no tiles');
      return ran.ok ? adopted(blobs, ran.value, [ran.value.tile]) : ran;
    });
  }

  prepare(values: number): void {
    this.#parts.inner.prepare?.(values);
  }

  close(force?: boolean): Promise<void> {
    return this.#parts.inner.close(force);
  }

  async #inHand<Value>(
    job: AggregationJob,
    work: (blobs: BlobStore) => Promise<Result<Value, RunFaultCode>>,
  ): Promise<Result<Value, RunFaultCode>> {
    this.#count += 1;
    try {
      const blobs = await this.#parts.blobs();
      return await withInputs(blobs, job, () => work(blobs));
    } finally {
      this.#count -= 1;
      if (this.#count === 0) await this.#parts.done?.();
    }
  }
}

async function stored(blobs: BlobStore, result: AggregationResult): Promise<Outcome> {
  const { candidate, provenance, optimiserState } = result;
  const made = [candidate, provenance, ...(optimiserState === null ? [] : [optimiserState])];
  return adopted(blobs, result, made);
}

async function adopted<Value>(
  blobs: BlobStore,
  result: Value,
  made: readonly Digest[],
): Promise<Result<Value, 'BLOB_UNREADABLE'>> {
  const kept = (await blobs.adopt?.(made)) ?? ok(undefined);
  return kept.ok ? ok(result) : refuse('BLOB_UNREADABLE', `what was computed is not stored: ${kept.fault.message}`);
}

/**
 * Does work in threads while the job's inputs are files of this machine, where they look for them (places.ts). A store that
 * cannot be read is BLOB_UNREADABLE, and to be tried again; what it has not the threads find missing, and say so.
 */
export async function withInputs<Value, Code extends string>(
  blobs: Pick<BlobStore, 'withLocalFiles'>,
  job: AggregationJob,
  work: () => Promise<Result<Value, Code>>,
): Promise<Result<Value, Code | 'BLOB_UNREADABLE'>> {
  try {
    return await blobs.withLocalFiles(inputsOf(job), work);
  } catch (error) {
    if (error instanceof FaultError) return refuse('BLOB_UNREADABLE', error.fault.message);
    throw error;
  }
}
