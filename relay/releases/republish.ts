import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { HeldModel } from '../../client/scoring/live-scoring.ts';
import type { BlobFaultCode } from '../../coordinator/blobs/blob-store.ts';
import type { Release } from '../../coordinator/ledger/state/releasing.ts';
import { headOf, openRoundOf, type State, type Track } from '../../coordinator/ledger/state/state.ts';
import type { StoreFaultCode } from '../../coordinator/ledger/store.ts';
import type { RegistryFaultCode } from '../../coordinator/registry/decide/faults.ts';
import type { Registry } from '../../coordinator/registry/registry.ts';
import { keepReleaseFile } from '../../coordinator/registry/transfer/import-release.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import {
  encodeManifest,
  type ReleaseFile,
  type ReleaseManifest,
  releaseFileNames,
} from '../../proto/release/documents/manifest.ts';
import { byRelay, onceTrue, type Region } from '../region.ts';

export type RepublishParts = Readonly<{
  region: Region;
  registry: Pick<Registry, 'promote' | 'rollBack'>;
  /** Where a file of the parent's release lies that the agent has fetched and checked. */
  pathOf: (digest: Digest) => string;
}>;

/** What the region's version of it is, and whether it was there before. */
export type Republished = Readonly<{ version: number; isNew: boolean }>;

export type RepublishFaultCode = RegistryFaultCode | StoreFaultCode | BlobFaultCode | 'STOPPED';

const lost = 'LOST' as const;

/**
 * Publishes a release of the parent's, as its agent has verified it, under the region's own root: the same files, and the parent's
 * manifest beside them. What the region has published already is gone back or forward to. Waits while a round of the
 * region runs. Doing it again is the same.
 */
export async function republish(
  track: TrackId,
  { manifest: file }: Pick<HeldModel, 'manifest'>,
  parts: RepublishParts,
  signal: AbortSignal,
): Promise<Result<Republished, RepublishFaultCode>> {
  if (file === undefined) return refuse('IMPORT_INVALID', 'a model that nobody signed is no release');
  const parentBytes = await readFile(file.path);
  if (digestOf(parentBytes) !== file.digest) return refuse('IMPORT_INVALID', `${file.path} was changed`);
  const parent = JSON.parse(parentBytes.toString('utf8')) as ReleaseManifest;
  for (;;) {
    const now = parts.region.state().tracks.get(track);
    const known = now && ofParent(now, file.digest);
    if (now !== undefined && known !== undefined) return goTo(now, known, parts);
    const settled = await onceTrue(parts.region, (state) => quiet(state, track), signal);
    if (settled === undefined) return refuse('STOPPED', 'the relay stops');
    const published = await publish(settled, parent, parentBytes, parts);
    if (published !== lost) return published;
  }
}

/** The track while no round of it runs and every model of it is a release: only then an import has its place. */
function quiet({ tracks }: State, id: TrackId): Track | undefined {
  const track = tracks.get(id);
  if (track === undefined || openRoundOf(track) !== undefined) return undefined;
  return track.releasing.releases.length === track.models.length ? track : undefined;
}

/** The region's release of the parent's manifest. */
function ofParent({ releasing }: Track, digest: Digest): Release | undefined {
  const isOf = ({ manifest }: Release) =>
    manifest.files.some((file) => file.name === releaseFileNames.parent && file.digest === digest);
  return releasing.releases.findLast(isOf);
}

/** Opened when they are first asked for: a stream's error that nobody listens to yet would end the process. */
async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path);
}

/** Files first, then the manifest, then the journal's word: a crash before that leaves bytes that nothing names. */
async function publish(
  track: Track,
  parent: ReleaseManifest,
  parentBytes: Buffer,
  { region, pathOf }: RepublishParts,
): Promise<Result<Republished, RepublishFaultCode> | typeof lost> {
  const { blobs } = region;
  for (const listed of parent.files) {
    const kept = await keepReleaseFile(blobs, track, listed, bytesOf(pathOf(listed.digest)), false);
    if (!kept.ok) return kept;
  }
  const beside = await blobs.put(parentBytes);
  if (!beside.ok) return beside;
  const head = headOf(track);
  const manifest = manifestOf(track, region, parent, { digest: beside.value, bytes: parentBytes.byteLength });
  const bytes = encodeManifest(manifest);
  const stored = await blobs.put(bytes);
  if (!stored.ok) return stored;
  const { version } = manifest;
  const written = await region.commit<boolean, never>(byRelay, (state) => {
    const now = quiet(state, track.track);
    const isStill = now?.models.length === version && headOf(now).version === head.version;
    if (!isStill) return ok({ events: [], value: false });
    const event = { kind: 'releaseImported', track: track.track, manifest, manifestDigest: stored.value } as const;
    return ok({ events: [{ ...event, manifestBytes: bytes.byteLength }], value: true });
  });
  if (!written.ok) return written;
  return written.value.value ? ok({ version, isNew: true }) : lost;
}

/** In the region's name and count of versions. It follows the region's head, so that what trains goes on from it. */
function manifestOf(
  track: Track,
  { federation }: Pick<Region, 'federation'>,
  { schemaDigest, createdAtMs, build, files }: ReleaseManifest,
  beside: Omit<ReleaseFile, 'name'>,
): ReleaseManifest {
  const others = files.filter(({ name }) => name !== releaseFileNames.parent);
  const listed = [...others, { name: releaseFileNames.parent, ...beside }];
  return {
    format: 'testudo/release/1',
    federation,
    track: track.track,
    version: track.models.length,
    base: headOf(track),
    round: null,
    schemaDigest,
    createdAtMs,
    build,
    files: listed.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** One that was never stable is for the region's channels to take, if it is the newest; any other is gone to. */
async function goTo(
  { track, releasing }: Track,
  { version }: Release,
  { registry }: RepublishParts,
): Promise<Result<Republished, RepublishFaultCode>> {
  const reason = "the parent's release moved";
  const stable = releasing.channels.stable?.version ?? version;
  const isNewest = releasing.releases.findLast(isOfParent)?.version === version;
  const isOnItsWay = isNewest && !releasing.stableHistory.includes(version);
  if (stable === version || (stable < version && isOnItsWay)) return ok({ version, isNew: false });
  const move = { track, version, reason };
  const moved = stable < version ? await registry.promote(byRelay, move) : await registry.rollBack(byRelay, move);
  if (!moved.ok) return moved;
  return ok({ version, isNew: false });
}

function isOfParent({ manifest }: Release): boolean {
  return manifest.files.some(({ name }) => name === releaseFileNames.parent);
}
