import { openAtomic, sharedFileMode } from '../../base/atomic-file.ts';
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
  const writing = await openAtomic(filePath, { mode: sharedFileMode });
  const { file } = writing;
  let written = 0;
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
      await writing.commit();
    },
    abandon: () => writing.abandon(),
  };
}
