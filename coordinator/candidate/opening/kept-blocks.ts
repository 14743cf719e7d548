import { statfsSync } from 'node:fs';
import { type FilledRows, fileBlocks } from '../../../aggregation/blocks/file-blocks.ts';
import { canonicalBytes, canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { Digest } from '../../../proto/ids.ts';
import { layoutOf } from '../../../proto/layout.ts';
import type { AggregationJob } from '../job.ts';
import { type OpenedUpdates, type OpeningOf, type OpenPlaces, openInto } from './open-updates.ts';
import { FileRows } from './opened-rows.ts';

type Block = Pick<OpenedUpdates, 'opened' | 'unopened'> &
  Readonly<{ rows: FileRows; filled: FilledRows; bytes: number }>;

/**
 * The blocks of one round that this worker has opened, for its next tile and for the round itself: without, 36 tiles of 10,000 updates
 * opened each of them eight times. They lie in scratch files without a name, and go with the round, when another comes, when nobody
 * asks any more (`release`), and with the process. They take at most half as much of the disk as is free beside them.
 */
export class KeptBlocks {
  readonly #freeBytes: (folder: string) => number;
  /** In the order of their last use. */
  readonly #blocks = new Map<Digest, Block>();
  #round = '';

  constructor(freeBytes = freeOf) {
    this.#freeBytes = freeBytes;
  }

  /** A job's updates, in blocks of so many. What `release` gives back is kept, as far as there is room. */
  async open(
    job: AggregationJob,
    rows: number,
    openingOf: OpeningOf,
    places: OpenPlaces,
  ): Promise<Result<OpenedUpdates, 'BLOB_UNREADABLE'>> {
    const round = canonicalJson([job.federation, job.track, job.round, job.keyName]);
    if (round !== this.#round) this.release();
    this.#round = round;
    const blocks: Block[] = [];
    for (let from = 0; from < job.updates.length; from += rows) {
      const part = { ...job, updates: job.updates.slice(from, from + rows) };
      const block = await this.#block(part, openingOf, places);
      if (!block.ok) return block;
      blocks.push(block.value);
    }
    const filled = blocks.filter(({ opened }) => opened.length > 0).map((block) => block.filled);
    return ok({
      blocks: filled.length === 0 ? undefined : unwrap(fileBlocks(filled)),
      opened: blocks.flatMap(({ opened }) => opened),
      unopened: blocks.flatMap(({ unopened }) => unopened),
      release: () => this.#rest(places.scratchDir),
    });
  }

  /** Leaves no trace of any. */
  release(): void {
    for (const { rows } of this.#blocks.values()) rows.release();
    this.#blocks.clear();
  }

  async #block(
    job: AggregationJob,
    openingOf: OpeningOf,
    places: OpenPlaces,
  ): Promise<Result<Block, 'BLOB_UNREADABLE'>> {
    const { updates, schemaDigest } = job;
    // Whatever an opened row depends on, beside the round.
    const name = digestOf(canonicalBytes([schemaDigest, updates] as unknown as JsonValue));
    const known = this.#blocks.get(name);
    if (known !== undefined) {
      this.#blocks.delete(name);
      this.#blocks.set(name, known);
      return ok(known);
    }
    const values = layoutOf(job.spec).length;
    const rows = new FileRows(places.scratchDir, updates.length, values);
    const result = await openInto(rows, job, openingOf, places);
    if (!result.ok) return result;
    const block = { ...result.value, rows, filled: rows.filled(), bytes: 4 * values * updates.length };
    this.#blocks.set(name, block);
    return ok(block);
  }

  /** Tiles come row by row of the grid: what was used last is what is needed last. */
  #rest(folder: string): void {
    const free = this.#freeBytes(folder);
    let bytes = [...this.#blocks.values()].reduce((sum, block) => sum + block.bytes, 0);
    let given = 0;
    for (const [name, block] of [...this.#blocks].reverse()) {
      if (2 * bytes <= free + given) break;
      block.rows.release();
      this.#blocks.delete(name);
      bytes -= block.bytes;
      given += block.bytes;
    }
  }
}

function freeOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
