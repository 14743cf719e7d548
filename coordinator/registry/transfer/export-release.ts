import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Release } from '../../ledger/state/releasing.ts';
import type { SignedSet } from '../signing/signed-set.ts';
import { fileHead, recordHead } from './release-file.ts';

/** A release with everything that proves it, as one file: see release-file.ts. */
export function exportRelease(
  blobs: BlobStore,
  set: SignedSet | undefined,
  { track, version, retired, manifest, manifestDigest, manifestBytes }: Release,
): Result<AsyncIterable<Uint8Array>, 'VERSION_RETIRED' | 'ROOT_ABSENT'> {
  if (retired) return refuse('VERSION_RETIRED', `the files of version ${version} of ${track} are no longer kept`);
  if (set === undefined) return refuse('ROOT_ABSENT', 'nothing is signed yet; try again in a moment');
  return ok(
    (async function* () {
      yield fileHead();
      for (const root of set.roots) {
        yield* recordHead(`roots/${root.version}.json`, root.bytes);
        yield root.body;
      }
      yield* recordHead('targets.json', set.catalogue.bytes);
      yield set.catalogue.body;
      yield* recordHead('manifest.json', manifestBytes);
      yield* blobs.read(manifestDigest);
      for (const { name, digest, bytes } of manifest.files) {
        yield* recordHead(name, bytes);
        yield* blobs.read(digest);
      }
    })(),
  );
}
