import { type FileHandle, open, stat } from 'node:fs/promises';
import { type Aggregated, ok, refuse } from '../fault.ts';
import { type BlockValues, requireSpan, rowOf, type UpdateBlocks } from './blocks.ts';

/**
 * Updates that lie in files. With the threads of base/thread-link.ts and file-sink.ts the one place where aggregation touches the
 * disk: n × d need not fit in memory, so somebody under the algebra's threads has to read.
 */

/** d little-endian float32 values from `byteOffset` on. */
export type ValueFile = Readonly<{ path: string; byteOffset: number }>;

/** Files read at the same time by `read`: enough to keep a disk busy, few enough to need no limit raised. */
const readsAtOnce = 32;

if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1) throw new Error('aggregation needs a little-endian machine');

/**
 * n updates of d values, one a file. Refuses files that are too short (LENGTH_MISMATCH). Files must not change while the
 * blocks are in use. Worker threads read them by themselves; `read` opens, reads and closes, so nothing needs closing.
 */
export async function fileBlocks(files: readonly ValueFile[], d: number): Promise<Aggregated<UpdateBlocks>> {
  if (files.length === 0 || !Number.isSafeInteger(d) || d < 1) {
    return refuse('EMPTY_INPUT', `need at least one file of at least one value, got n=${files.length}, d=${d}`);
  }
  const sizes = await eachOf(files, async ({ path }) => (await stat(path)).size);
  const short = files.findIndex(({ byteOffset }, row) => (sizes[row] as number) < byteOffset + 4 * d);
  if (short !== -1) {
    const { path, byteOffset } = files[short] as ValueFile;
    const actual = Math.max(0, Math.floor(((sizes[short] as number) - byteOffset) / 4));
    return refuse(
      'LENGTH_MISMATCH',
      `row ${short} (${path}) holds ${actual} values from byte ${byteOffset} on, need ${d}`,
      {
        row: short,
        expected: d,
        actual,
      },
    );
  }
  return ok(blocksOver(files, d));
}

function blocksOver(files: readonly ValueFile[], d: number): UpdateBlocks {
  return {
    n: files.length,
    d,
    precision: 'float32',
    shared: { kind: 'files', files },
    pick: (rows) => blocksOver(rows.map((row) => rowOf(files, row)), d), // biome-ignore format: one idea
    async read(offset: number, columns: number, into: BlockValues) {
      requireSpan(this, offset, columns, into);
      await eachOf(files, async ({ path, byteOffset }, row) => {
        const values =
          into instanceof Float32Array ? into.subarray(row * columns, (row + 1) * columns) : new Float32Array(columns);
        const file = await open(path, 'r');
        try {
          await readFully(file, path, values, byteOffset + 4 * offset);
        } finally {
          await file.close();
        }
        if (into instanceof Float64Array) into.set(values, row * columns);
      });
    },
  };
}

async function readFully(file: FileHandle, path: string, values: Float32Array, position: number): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new RangeError(`${path}: ends at byte ${position + done}, shorter than its update`);
    done += bytesRead;
  }
}

/** All results in order, a few at work at a time. */
async function eachOf<Item, Value>(
  items: readonly Item[],
  work: (item: Item, at: number) => Promise<Value>,
): Promise<Value[]> {
  const results: Value[] = new Array(items.length);
  const waiting = items.entries();
  const lane = async () => {
    for (const [at, item] of waiting) results[at] = await work(item, at);
  };
  await Promise.all(Array.from({ length: Math.min(readsAtOnce, items.length) }, lane));
  return results;
}
