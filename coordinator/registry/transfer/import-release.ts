import { createHash } from 'node:crypto';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestFromBytes, digestOf } from '../../../proto/digest.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { signedness } from '../../../proto/release/co-sign.ts';
import type { ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import {
  openManifest,
  type ReleaseFile,
  type ReleaseManifest,
  releaseFileNames,
} from '../../../proto/release/documents/manifest.ts';
import { metadataBytesMax, rootsMax } from '../../../proto/release/documents/names.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { followRoot } from '../../../proto/release/follow-roots.ts';
import { openCatalogue, openRoot } from '../../../proto/release/open.ts';
import type { BlobFaultCode, BlobStore } from '../../blobs/blob-store.ts';
import type { JournalEvent } from '../../ledger/journal/events.ts';
import { releaseOf } from '../../ledger/state/releasing.ts';
import { openRoundOf, type State } from '../../ledger/state/state.ts';
import type { RegistryFaultCode } from '../decide/faults.ts';
import { ReleaseFileError, ReleaseFileReader } from './release-file.ts';

const manifestBytesMax = 262_144;

export type ImportParts = Readonly<{
  blobs: BlobStore;
  federation: FederationId;
  /** The root whose word counts: ours, or one that the operator vouches for. */
  trusted: ReleaseRoot;
  state: () => State;
  /** Verifies without keeping anything. */
  dryRun: boolean;
}>;

export type Imported = Readonly<{
  manifest: ReleaseManifest;
  manifestDigest: ReleaseTarget['manifest']['digest'];
  manifestBytes: number;
}>;
type ImportResult = Promise<Result<Imported, RegistryFaultCode | BlobFaultCode>>;

/**
 * Reads a release file, in the order in which it proves itself: roots from the trusted one on, the catalogue by their
 * release keys, the manifest by the catalogue, each file by the manifest. Its time of signing does not matter: age is a
 * question of what to run, not of what is genuine. Files are in the blob store when it resolves; nothing is journalled.
 */
export async function readReleaseFile(file: AsyncIterable<Uint8Array>, parts: ImportParts): ImportResult {
  try {
    return await read(new ReleaseFileReader(file), parts);
  } catch (error) {
    if (error instanceof ReleaseFileError) return refuse('IMPORT_INVALID', error.message);
    throw error;
  }
}

async function read(reader: ReleaseFileReader, parts: ImportParts): ImportResult {
  const { blobs, federation, dryRun } = parts;
  await reader.start();
  let root = parts.trusted;
  let record = await reader.next();
  for (let count = 0; record?.name.startsWith('roots/') === true; record = await reader.next()) {
    if (++count > rootsMax) return refuse('IMPORT_INVALID', `more than ${rootsMax} roots`);
    const bytes = await reader.whole(record.bytes, metadataBytesMax);
    const opened = openRoot(bytes);
    if (opened.ok && opened.value.version <= root.version) continue;
    const next = followRoot(root, bytes);
    if (!next.ok) return refuse('IMPORT_UNTRUSTED', `its roots do not follow the trusted one: ${next.fault.message}`);
    root = next.value ?? root;
  }
  if (record?.name !== 'targets.json') return refuse('IMPORT_INVALID', 'the catalogue is missing');
  const catalogueBytes = await reader.whole(record.bytes, metadataBytesMax);
  const signed = signedness(root, 'targets', catalogueBytes);
  const catalogue = openCatalogue(catalogueBytes, federation);
  if (!catalogue.ok) return refuse('IMPORT_INVALID', catalogue.fault.message);
  if (!signed.ok || signed.value.missing > 0) {
    return refuse(
      'IMPORT_UNTRUSTED',
      `root ${root.version} does not name the keys that signed its catalogue; export it again, or give a root to trust`,
    );
  }
  record = await reader.next();
  if (record?.name !== 'manifest.json') return refuse('IMPORT_INVALID', 'the manifest is missing');
  const manifestBytes = await reader.whole(record.bytes, manifestBytesMax);
  const manifestDigest = digestOf(manifestBytes);
  const target = catalogue.value.releases.find((release) => release.manifest.digest === manifestDigest);
  if (target === undefined) return refuse('IMPORT_UNTRUSTED', 'its catalogue does not list its manifest');
  const manifest = openManifest(manifestBytes, target, federation);
  if (!manifest.ok) return refuse('IMPORT_INVALID', manifest.fault.message);
  if (catalogue.value.tracks[target.track]?.revoked.includes(target.version) === true) {
    return refuse('VERSION_REVOKED', `its own catalogue says that version ${target.version} is revoked`);
  }
  const imported = { manifest: manifest.value, manifestDigest, manifestBytes: manifestBytes.byteLength };
  const wanted = importEvent(parts.state(), imported); // Before gigabytes are read for nothing.
  if (!wanted.ok) return wanted;
  for (const listed of manifest.value.files) {
    record = await reader.next();
    if (record === undefined) return refuse('RELEASE_INCOMPLETE', `${listed.name} is missing`);
    if (record.name !== listed.name || record.bytes !== listed.bytes) {
      return refuse('IMPORT_INVALID', `${record.name} stands where the manifest lists ${listed.name}`);
    }
    const kept = await keepReleaseFile(blobs, target, listed, reader.pieces(listed.bytes), dryRun);
    if (!kept.ok) return kept;
  }
  if ((await reader.next()) !== undefined)
    return refuse('IMPORT_INVALID', 'it holds a file that its manifest does not list');
  if (!dryRun) {
    const stored = await blobs.put(manifestBytes);
    if (!stored.ok) return stored;
  }
  return ok(imported);
}

/** What is to be written for a release whose files are there; a fault when it does not fit what is known. */
export function importEvent(state: State, imported: Imported): Result<JournalEvent, RegistryFaultCode> {
  const { manifest, manifestDigest } = imported;
  const { track: id, version, base, schemaDigest, files } = manifest;
  const track = state.tracks.get(id);
  if (track === undefined)
    return refuse('TRACK_NOT_FOUND', `there is no track ${id}; put it first, with its first model`);
  const known = releaseOf(track.releasing, version);
  if (known !== undefined) {
    if (known.manifestDigest !== manifestDigest) {
      return refuse('IMPORT_CONFLICT', `version ${version} of ${id} is another release here: one version, one digest`);
    }
    if (track.releasing.revoked.includes(version)) {
      return refuse('VERSION_REVOKED', `version ${version} of ${id} is revoked here`);
    }
    if (!known.retired) return refuse('NOTHING_TO_CHANGE', `version ${version} of ${id} is here already`);
    return ok({ kind: 'releaseRestored', track: id, version });
  }
  if (track.schemaDigest !== schemaDigest) {
    return refuse('IMPORT_CONFLICT', `track ${id} has another model spec here`);
  }
  const weights = files.find(({ name }) => name === releaseFileNames.weights);
  if (weights?.bytes !== track.modelBytes)
    return refuse('IMPORT_INVALID', 'its weights do not have the length of its spec');
  const next = track.models.length;
  if (version !== next || track.releasing.releases.length !== next) {
    return refuse(
      'IMPORT_OUT_OF_TURN',
      `the next version of ${id} is ${next}; import the ones before ${version} first`,
    );
  }
  if (base !== null && track.models[base.version]?.digest !== base.digest) {
    return refuse(
      'IMPORT_CONFLICT',
      `version ${version} was computed from another version ${base.version} than the one here`,
    );
  }
  const open = openRoundOf(track);
  if (open !== undefined) {
    return refuse(
      'ROUND_OPEN',
      `round ${open.round} of ${id} may become version ${next}; wait for its end, or cancel it`,
    );
  }
  return ok({ kind: 'releaseImported', track: id, ...imported });
}

/** Puts a release's file into the store, from where an earlier attempt ended; a dry run only looks at its digest. */
export async function keepReleaseFile(
  blobs: BlobStore,
  { track }: Pick<ReleaseTarget, 'track'>,
  { name, digest, bytes }: ReleaseFile,
  pieces: AsyncIterable<Uint8Array>,
  dryRun: boolean,
): Promise<Result<void, RegistryFaultCode | BlobFaultCode>> {
  const wrong = () => refuse('IMPORT_INVALID', `${name} does not have the digest that the manifest lists`);
  if (dryRun || (await blobs.has(digest))) {
    const hash = createHash('sha256');
    for await (const piece of pieces) hash.update(piece);
    return digestFromBytes(hash.digest()) === digest ? ok(undefined) : wrong();
  }
  const upload = await blobs.openUpload({ track, round: 'import', cluster: 'import', digest, bytes });
  if (!upload.ok) return upload;
  try {
    let skip = upload.value.received; // What an import that was cut off has left.
    for await (const piece of pieces) {
      const rest = piece.subarray(Math.min(skip, piece.byteLength));
      skip -= piece.byteLength - rest.byteLength;
      if (rest.byteLength === 0) continue;
      const written = await upload.value.write(rest);
      if (!written.ok) return written;
    }
    const finished = await upload.value.finish();
    if (finished.ok) return ok(undefined);
    return finished.fault.code === 'DIGEST_MISMATCH' ? wrong() : finished;
  } finally {
    await upload.value.release();
  }
}
