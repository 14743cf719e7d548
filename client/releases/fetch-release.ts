import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Digest, FederationId } from '../../proto/ids.ts';
import { schemaDigest, specOfBytes } from '../../proto/model-spec.ts';
import type { AntibodyPin, ReleaseTarget } from '../../proto/release/documents/catalogue.ts';
import { openManifest, type ReleaseManifest, releaseFileNames } from '../../proto/release/documents/manifest.ts';
import type { ReleaseFaultCode } from '../../proto/release/faults.ts';
import type { HeldModel } from '../scoring/live-scoring.ts';
import type { HeldAntibody } from '../scoring/score-protocol.ts';
import type { FetchCalls, FetchFileFaultCode, FetchPace, ReleaseFiles, WantedFile } from './release-files.ts';

/** A release whose every file, or every file that is asked for, is on this machine and has the manifest's length and digest. */
export type FetchedRelease = Readonly<{
  target: ReleaseTarget;
  manifest: ReleaseManifest;
  model: HeldModel;
  /** Pins of antibodies that are followed with it. */
  antibodyPins: readonly AntibodyPin[];
  /** Those that are not, since the antibody could not be had. The release does not wait for it. */
  passedOver: readonly Readonly<{ pinId: string; why: string }>[];
}>;

/** 1 MiB: the manifest lists a handful of files. */
const manifestBytesMax = 2 ** 20;
/** 4 GiB: what one release may cost on disk. */
const releaseBytesMax = 2 ** 32;
const specBytesMax = 2 ** 20;

/** Why a release's files are no model. */
type ModelFaultCode = 'FILE_MISSING' | 'MANIFEST_INVALID' | 'SPEC_INVALID' | 'SPEC_TOO_LARGE';
export type FetchReleaseFaultCode = FetchFileFaultCode | ModelFaultCode | ReleaseFaultCode | 'RELEASE_TOO_LARGE';

/** What it takes to run a light form. Weights are several times as long. */
const ofLightForm: ReadonlySet<string> = new Set([
  releaseFileNames.spec,
  releaseFileNames.light,
  releaseFileNames.antibodies,
]);

export type FilesByDigest = Pick<ReleaseFiles, 'fetch' | 'path'>;

export type FetchReleaseOptions = FetchPace & Readonly<{ lightAlone: boolean; antibodyPins: readonly AntibodyPin[] }>;

/**
 * Brings one release here: its manifest by the catalogue's digest, then every file by the manifest's, or those of its
 * light form. No other file can come with it: nothing is asked for by name. Without calls only what is on disk counts.
 */
export async function fetchRelease(
  files: FilesByDigest,
  calls: FetchCalls | undefined,
  target: ReleaseTarget,
  federation: FederationId,
  { lightAlone, antibodyPins, ...pace }: FetchReleaseOptions,
): Promise<Result<FetchedRelease, FetchReleaseFaultCode>> {
  const manifest = await fetchManifest(files, calls, target, federation, pace);
  if (!manifest.ok) return manifest;
  const listed = manifest.value.files.filter(({ name }) => !lightAlone || ofLightForm.has(name));
  if (listed.reduce((sum, { bytes }) => sum + bytes, 0) > releaseBytesMax) {
    return refuse('RELEASE_TOO_LARGE', `${target.track}/${target.version} is larger than 4 GiB`);
  }
  for (const file of listed) {
    const fetched = await files.fetch(calls, file, pace);
    if (!fetched.ok) return fetched;
  }
  const model = await modelOf(files, target, manifest.value);
  if (!model.ok) return model;
  const followed: AntibodyPin[] = [];
  const passedOver: { pinId: string; why: string }[] = [];
  for (const pin of antibodyPins) {
    const kept = pin.inUse ? await files.fetch(calls, { digest: pin.antibody, bytes: pin.bytes }, pace) : undefined;
    if (kept?.ok === false) passedOver.push({ pinId: pin.pinId, why: kept.fault.code });
    else followed.push(pin);
  }
  const heldAntibodies = followed.map(({ pinId, antibody, inUse, setBy, reason }): HeldAntibody => {
    const because = `pin ${pinId} (${setBy}: ${reason})`;
    return { digest: antibody, because, ...(inUse && { path: files.path(antibody) }) };
  });
  const held = heldAntibodies.length === 0 ? {} : { heldAntibodies };
  return ok({
    target,
    manifest: manifest.value,
    model: { ...model.value, ...held },
    antibodyPins: followed,
    passedOver,
  });
}

/** What a release consists of: its manifest by the catalogue's digest. */
export async function fetchManifest(
  files: FilesByDigest,
  calls: FetchCalls | undefined,
  target: ReleaseTarget,
  federation: FederationId,
  pace: FetchPace,
): Promise<Result<ReleaseManifest, FetchReleaseFaultCode>> {
  if (target.manifest.bytes > manifestBytesMax) {
    return refuse('MANIFEST_INVALID', `the manifest of ${target.track}/${target.version} is larger than 1 MiB`);
  }
  const manifestPath = await files.fetch(calls, target.manifest, pace);
  if (!manifestPath.ok) return manifestPath;
  return openManifest(await readFile(manifestPath.value), target, federation);
}

/** Every digest that a release needs kept. */
export function digestsOf({ target, manifest, antibodyPins }: FetchedRelease): readonly Digest[] {
  const kept = antibodyPins.filter(({ inUse }) => inUse).map(({ antibody }) => antibody);
  return [target.manifest.digest, ...manifest.files.map(({ digest }) => digest), ...kept];
}

async function modelOf(
  files: FilesByDigest,
  target: ReleaseTarget,
  manifest: ReleaseManifest,
): Promise<Result<HeldModel, ModelFaultCode>> {
  const weights = manifest.files.find(({ name }) => name === releaseFileNames.weights);
  const spec = manifest.files.find(({ name }) => name === releaseFileNames.spec);
  if (weights === undefined || spec === undefined) {
    return refuse('FILE_MISSING', `${target.track}/${target.version} lists no weights or no spec; it is no model`);
  }
  const light = manifest.files.find(({ name }) => name === releaseFileNames.light);
  const antibodies = manifest.files.find(({ name }) => name === releaseFileNames.antibodies);
  const read = await readSpec(files, spec);
  if (!read.ok) return read;
  if (schemaDigest(read.value) !== manifest.schemaDigest) {
    return refuse('MANIFEST_INVALID', `${target.track}/${target.version}: its spec is not the one that it names`);
  }
  const model = {
    version: target.version,
    digest: weights.digest,
    spec: read.value,
    weightsPath: files.path(weights.digest),
    manifest: { digest: target.manifest.digest, path: files.path(target.manifest.digest) },
    ...(light === undefined ? {} : { light: { digest: light.digest, path: files.path(light.digest) } }),
    ...(antibodies && { antibodies: { digest: antibodies.digest, path: files.path(antibodies.digest) } }),
  };
  return ok(model);
}

async function readSpec(files: Pick<FilesByDigest, 'path'>, { digest, bytes }: WantedFile) {
  if (bytes > specBytesMax) return refuse('SPEC_INVALID', 'the model spec is larger than 1 MiB');
  return specOfBytes(await readFile(files.path(digest)));
}
