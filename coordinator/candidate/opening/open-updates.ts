import type { UpdateBlocks } from '../../../aggregation/blocks/blocks.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { openSealedReader, type SealedOpening } from '../../../proto/envelope/files/sealed-reader.ts';
import type { UpdateContext } from '../../../proto/envelope/header.ts';
import type { Digest } from '../../../proto/ids.ts';
import { layoutOf } from '../../../proto/layout.ts';
import { causeOf } from '../blame.ts';
import type { AggregationJob, JobUpdate } from '../job.ts';
import { FileRows, MemoryRows, type OpenedRows } from './opened-rows.ts';

/** Above this, opened deltas wait in scratch files rather than in memory: the page cache is not ours to account for. */
const memoryBytesMaxDefault = 64 * 2 ** 20;

/** An update that its sender made so that it does not open: its stored bytes have the digest that was signed. */
export type UnopenedUpdate = Readonly<{ update: JobUpdate; code: string; message: string }>;

/** The deltas of a round, opened. `release` removes and wipes every trace of them. */
export type OpenedUpdates = Readonly<{
  /** Undefined when nothing could be opened. */
  blocks: UpdateBlocks | undefined;
  /** opened[i] is row i of `blocks`; in the order of their payload digests. */
  opened: readonly JobUpdate[];
  unopened: readonly UnopenedUpdate[];
  release(): void;
}>;

/** What opens an update; a refusal stands for one that was found not to open. */
export type OpeningOf = (update: JobUpdate) => Result<SealedOpening>;

export type OpenPlaces = Readonly<{
  /** The file of a blob. */
  path: (digest: Digest) => string;
  /** Whether the stored bytes have that digest; asked only of an update that does not open. */
  verify: (digest: Digest) => Promise<Result<unknown>>;
  /** Where scratch files lie, without a name. */
  scratchDir: string;
  memoryBytesMax?: number;
}>;

/**
 * Opens sealed updates one after another, a chunk at a time, into shared memory (which the aggregation's threads read
 * without copying) or, when they are too large together, into a scratch file that nobody else finds. What its sender
 * made so that it does not open is named with its code and left out; a read of ours that failed is BLOB_UNREADABLE, and
 * nothing is left out. Synchronous reads: for worker threads.
 */
export async function openUpdates(
  job: AggregationJob,
  openingOf: OpeningOf,
  places: OpenPlaces,
): Promise<Result<OpenedUpdates, 'BLOB_UNREADABLE'>> {
  const values = layoutOf(job.spec).length;
  const inMemory = values * 4 * job.updates.length <= (places.memoryBytesMax ?? memoryBytesMaxDefault);
  const store = inMemory ? new MemoryRows(values) : new FileRows(places.scratchDir, job.updates.length, values);
  const result = await openInto(store, job, openingOf, places);
  if (!result.ok) return result;
  const blocks = result.value.opened.length === 0 ? undefined : store.blocks();
  return ok({ blocks, ...result.value, release: () => store.release() });
}

/** Opens a job's updates into `store`, which is released where that fails. */
export async function openInto(
  store: OpenedRows,
  job: AggregationJob,
  openingOf: OpeningOf,
  places: Omit<OpenPlaces, 'scratchDir'>,
): Promise<Result<Pick<OpenedUpdates, 'opened' | 'unopened'>, 'BLOB_UNREADABLE'>> {
  const plainBytes = layoutOf(job.spec).length * 4;
  const opened: JobUpdate[] = [];
  const unopened: UnopenedUpdate[] = [];
  try {
    for (const update of job.updates) {
      const result = openOne(job, update, openingOf, plainBytes, places.path(update.payloadDigest), store);
      if (result.ok) {
        opened.push(update);
        continue;
      }
      const { code, message } = result.fault;
      const ours = await ourFault(code, update, places);
      if (ours !== undefined) {
        store.release();
        return refuse('BLOB_UNREADABLE', `the update of ${update.cluster} cannot be read: ${ours}; it is tried again`);
      }
      unopened.push({ update, code, message });
    }
    return ok({ opened, unopened });
  } catch (error) {
    store.release();
    throw error;
  }
}

/** What of ours explains that an update does not open; undefined where its sender made it so. */
async function ourFault(
  code: string,
  { payloadDigest }: JobUpdate,
  { verify }: Pick<OpenPlaces, 'verify'>,
): Promise<string | undefined> {
  const stored = await verify(payloadDigest);
  if (!stored.ok) return stored.fault.message;
  return Object.hasOwn(causeOf, code) && causeOf[code as keyof typeof causeOf] === 'sender' ? undefined : code;
}

function openOne(
  job: AggregationJob,
  update: JobUpdate,
  openingOf: OpeningOf,
  plainBytes: number,
  sealedPath: string,
  store: OpenedRows,
): Result<Digest> {
  const opening = openingOf(update);
  if (!opening.ok) return opening;
  const reader = openSealedReader({ sealedPath, context: contextOf(job, update, plainBytes), ...opening.value });
  if (!reader.ok) return reader;
  const row = store.begin();
  try {
    const visit = (plain: Uint8Array, offsetBytes: number) => row.write(scaled(plain, update.scale), offsetBytes);
    const verified = reader.value.verify({ payload: update.payloadDigest, visit });
    row.end(verified.ok);
    return verified;
  } catch (error) {
    row.end(false);
    throw error;
  } finally {
    reader.value.close();
  }
}

/** Under which an update of a job opens; `plainBytes` is the size of a model. */
export function contextOf(job: AggregationJob, update: JobUpdate, plainBytes: number): UpdateContext {
  return {
    federation: job.federation,
    track: job.track,
    round: job.round,
    cluster: update.cluster,
    base: update.baseDigest,
    schema: job.schemaDigest,
    codec: 'f32le',
    plainBytes,
  };
}

/** A stale delta counts for less before any rule sees it; a fresh one passes untouched. */
function scaled(plain: Uint8Array, scale: number): Uint8Array {
  if (scale === 1) return plain;
  const values = new Float32Array(plain.slice().buffer);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) * scale;
  return new Uint8Array(values.buffer);
}
