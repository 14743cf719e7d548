import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A file's bytes where it has so many at most; undefined where it has more, or cannot be read. A pipe is empty: nobody waits for it. */
export async function readBounded(path: string, bytesMax: number): Promise<Buffer | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      if (size > bytesMax) return undefined;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
