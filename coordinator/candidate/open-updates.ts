import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { memoryBlocks, type UpdateBlocks } from '../../aggregation/blocks/blocks.ts';
import { fileBlocks } from '../../aggregation/blocks/file-blocks.ts';
import { RowFileWriter } from '../../aggregation/blocks/row-file.ts';
import { makeFolder } from '../../base/atomic-file.ts';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { openSealedReader, type SealedOpening } from '../../proto/envelope/files/sealed-reader.ts';
import type { UpdateContext } from '../../proto/envelope/header.ts';
import type { Digest } from '../../proto/ids.ts';
import { causeOf } from './blame.ts';
import type { AggregationJob, JobUpdate } from './job.ts';

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
  /** A folder of this job's own, made and removed here. */
  scratchDir: string;
  memoryBytesMax?: number;
}>;

/**
 * Opens sealed updates one after another, a chunk at a time, into shared memory (which the aggregation's threads read
 * without copying) or, when they are too large together, into scratch files that only this user can read. What its sender
 * made so that it does not open is named with its code and left out; a read of ours that failed is BLOB_UNREADABLE, and
 * nothing is left out. Synchronous reads: for worker threads.
 */
export async function openUpdates(
  job: AggregationJob,
  openingOf: OpeningOf,
  places: OpenPlaces,
): Promise<Result<OpenedUpdates, 'BLOB_UNREADABLE'>> {
  const values = job.spec.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const inMemory = values * 4 * job.updates.length <= (places.memoryBytesMax ?? memoryBytesMaxDefault);
  const store = inMemory ? new MemoryRows(values) : new FileRows(places.scratchDir, job.updates.length, values);
  const opened: JobUpdate[] = [];
  const unopened: UnopenedUpdate[] = [];
  try {
    for (const update of job.updates) {
      const result = openOne(job, update, openingOf, values * 4, places.path(update.payloadDigest), store);
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
    const blocks = opened.length === 0 ? undefined : await store.blocks();
    return ok({ blocks, opened, unopened, release: () => store.release() });
  } catch (error) {
    store.release();
    throw error;
  }
}

/** What of ours explains that an update does not open; undefined where its sender made it so. */
async function ourFault(
  code: string,
  { payloadDigest }: JobUpdate,
  { verify }: OpenPlaces,
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
  store: Rows,
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

type Row = { write(plain: Uint8Array, offsetBytes: number): void; end(isGood: boolean): void };
interface Rows {
  begin(): Row;
  blocks(): Promise<UpdateBlocks>;
  release(): void;
}

/**
 * Rows of the last round, wiped, for the next one of the same size. Shared memory is freed only when every thread that
 * saw it has collected its garbage: made anew each round, it would pile up.
 */
const spareRows: Float32Array<SharedArrayBuffer>[] = [];

class MemoryRows implements Rows {
  #values: number;
  #rows: Float32Array<SharedArrayBuffer>[] = [];

  constructor(values: number) {
    this.#values = values;
    if (spareRows[0]?.length !== values) spareRows.length = 0;
  }

  begin(): Row {
    const row = spareRows.pop() ?? new Float32Array(new SharedArrayBuffer(this.#values * 4));
    const bytes = new Uint8Array(row.buffer);
    return {
      write: (plain, offsetBytes) => bytes.set(plain, offsetBytes),
      end: (isGood) => {
        if (isGood) {
          this.#rows.push(row);
        } else {
          bytes.fill(0);
          spareRows.push(row);
        }
      },
    };
  }

  async blocks(): Promise<UpdateBlocks> {
    return unwrap(memoryBlocks(this.#rows));
  }

  release(): void {
    for (const row of this.#rows) spareRows.push(row.fill(0));
    this.#rows = [];
  }
}

class FileRows implements Rows {
  #dir: string;
  #writer: RowFileWriter;

  constructor(dir: string, rows: number, values: number) {
    this.#dir = dir;
    rmSync(dir, { recursive: true, force: true }); // Of a run that was killed.
    makeFolder(dir, 0o700);
    this.#writer = new RowFileWriter({ path: join(dir, 'rows'), rows, d: values }); // Not synced: after a crash the job starts again.
  }

  begin(): Row {
    return this.#writer.begin();
  }

  async blocks(): Promise<UpdateBlocks> {
    this.#writer.finish();
    const { file, count } = this.#writer;
    return unwrap(await fileBlocks([{ file, slots: [...Array(count).keys()] }]));
  }

  release(): void {
    this.#writer.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
