import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { digestFromBytes } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';

/** The digest of a file that may be too large to hold. Rejects with the system's errors. */
export async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return digestFromBytes(hash.digest());
}
