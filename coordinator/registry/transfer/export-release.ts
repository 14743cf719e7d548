import { ok, type Result, refuse, unwrap } from '../../../base/fault.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { openCatalogue } from '../../../proto/release/open.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Release } from '../../ledger/state/releasing.ts';
import type { SignedSet } from '../signing/signed-set.ts';
import { fileHead, recordHead } from './release-file.ts';

/**
 * A release with everything that proves it, as one file: see release-file.ts. Refused for the moment in which a new release is not
 * yet in what is signed: nobody could take such a file in.
 */
export function exportRelease(
  { blobs, federation }: Readonly<{ blobs: BlobStore; federation: FederationId }>,
  set: SignedSet | undefined,
  { track, version, retired, manifest, manifestDigest, manifestBytes }: Release,
): Result<AsyncIterable<Uint8Array>, 'VERSION_RETIRED' | 'METADATA_UNREADY'> {
  if (retired) return refuse('VERSION_RETIRED', `the files of version ${version} of ${track} are no longer kept`);
  const listed = set === undefined ? [] : unwrap(openCatalogue(set.catalogue.body, federation)).releases;
  if (set === undefined || !listed.some((one) => one.manifest.digest === manifestDigest)) {
    return refuse('METADATA_UNREADY', `version ${version} of ${track} is not signed yet; try again in a moment`);
  }
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
