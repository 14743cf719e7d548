import { createHash } from 'node:crypto';
import { ok, type Result } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { Digest } from '../../../proto/ids.ts';
import { forEachAtOnce } from './at-once.ts';
import { Bucket } from './bucket.ts';
import type { BucketFaultCode } from './bucket-faults.ts';
import type { BucketSettings } from './bucket-settings.ts';
import { loadSdk, openClient } from './client.ts';

/** What a bucket has not of some blobs, and has other bytes of. */
export type BucketLook = Readonly<{ missing: ReadonlySet<Digest>; damaged: ReadonlySet<Digest> }>;

/**
 * Looks at these blobs in a bucket and writes nothing, so that a key which may only read is enough: one request for each, and
 * with `byDigest` all their bytes, of which none are kept. The first request that fails for good ends it.
 */
export async function lookInBucket(
  settings: BucketSettings,
  timers: Timers,
  digests: readonly Digest[],
  { byDigest }: Readonly<{ byDigest: boolean }>,
): Promise<Result<BucketLook, BucketFaultCode>> {
  const sdk = await loadSdk();
  const habits = { checksBytes: false, keepsFirst: false }; // Of puts alone.
  const bucket = new Bucket({ settings, client: openClient(sdk, settings), sdk, timers, habits });
  try {
    const answers = await bucket.tryToList();
    if (!answers.ok) return answers;
    const [missing, damaged] = [new Set<Digest>(), new Set<Digest>()];
    let failed: Result<never, BucketFaultCode> | undefined;
    await forEachAtOnce(digests, async (digest) => {
      if (failed !== undefined) return;
      const found = byDigest ? await readWhole(bucket, digest) : await bucket.head(digest);
      if (!found.ok) failed = found;
      else if (found.value === undefined) missing.add(digest);
      else if (found.value === 'damaged') damaged.add(digest);
    });
    return failed ?? ok({ missing, damaged });
  } finally {
    bucket.close();
  }
}

async function readWhole(
  bucket: Bucket,
  digest: Digest,
): Promise<Result<'whole' | 'damaged' | undefined, BucketFaultCode>> {
  let given = '';
  const fetched = await bucket.fetch(digest, async (body) => {
    const hash = createHash('sha256');
    for await (const chunk of body) hash.update(chunk);
    given = `sha256:${hash.digest('hex')}`;
  });
  if (!fetched.ok) return fetched;
  if (!fetched.value) return ok(undefined);
  return ok(given === digest ? 'whole' : 'damaged');
}
