import type { Digest } from '../../../proto/ids.ts';

/** So many blobs are asked for, fetched or put at once. */
const atOnceMax = 8;

export async function forEachAtOnce(digests: readonly Digest[], act: (digest: Digest) => Promise<void>): Promise<void> {
  const waiting = [...digests];
  const next = async () => {
    for (let digest = waiting.shift(); digest !== undefined; digest = waiting.shift()) await act(digest);
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, digests.length) }, next));
}
