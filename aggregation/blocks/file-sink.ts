import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { AggregateSink } from './blocks.ts';

/** An aggregate on its way into a file, which appears under its name only when it is whole and on the disk. */
export type FileSink = AggregateSink &
  Readonly<{
    write(offset: number, values: Float64Array): Promise<void>;
    /** Makes the file durable and gives it its name. Throws unless all d values were written. */
    finish(): Promise<void>;
    /** Leaves nothing behind. After `finish` it does nothing; may be called twice. */
    abandon(): Promise<void>;
  }>;

/** d little-endian float32 values to `filePath`, each float64 rounded to the nearest. */
export async function openFileSink(filePath: string, d: number): Promise<FileSink> {
  const unfinished = `${filePath}.${randomUUID()}.tmp`;
  const file = await open(unfinished, 'wx');
  let written = 0;
  let closed = false;
  return {
    async write(offset, values) {
      if (offset !== written || written + values.length > d) {
        throw new RangeError(`write of [${offset}, ${offset + values.length}) after ${written} of ${d} values`);
      }
      const bytes = Buffer.from(Float32Array.from(values).buffer);
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, 4 * offset + done)).bytesWritten;
      }
      written += values.length;
    },
    async finish() {
      if (written !== d) throw new RangeError(`aggregate ends after ${written} of ${d} values`);
      await file.sync();
      await file.close();
      closed = true;
      await rename(unfinished, filePath);
      const folder = await open(path.dirname(filePath), 'r');
      try {
        await folder.sync(); // The name, too, must outlive a power cut.
      } finally {
        await folder.close();
      }
    },
    async abandon() {
      if (closed) return;
      closed = true;
      await file.close();
      await rm(unfinished, { force: true });
    },
  };
}
