import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { digestFromBytes } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';

const blockBytes = 1 << 20;

/** The digest of a file that may be too large to hold. Rejects with the system's errors. */
export async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    // One buffer for all of it, and none larger than the file: on a node the collector's time counts against a budget.
    const block = Buffer.alloc(Math.min(blockBytes, Math.max(1, (await file.stat()).size)));
    for (;;) {
      const { bytesRead } = await file.read(block, 0, block.length, null);
      if (bytesRead === 0) return digestFromBytes(hash.digest());
      hash.update(block.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
